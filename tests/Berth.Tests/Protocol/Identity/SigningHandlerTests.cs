using System.Net;
using System.Text;
using System.Text.Json;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Berth.Tests.Protocol.Identity;

/// <summary>Requests that sign themselves, against a server that checks.</summary>
public sealed class SigningHandlerTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    private readonly SigningKey _key = SigningKey.New();
    private readonly FakeTimeProvider _clientsClock = new(Now);
    private readonly CheckingServer _server = new(Now);
    private readonly HttpClient _http;

    public SigningHandlerTests() => _http = new HttpClient(new SigningHandler(_key, _clientsClock) { InnerHandler = _server }) { BaseAddress = new Uri("http://market.example:8080/") };

    public void Dispose()
    {
        _http.Dispose();
        _key.Dispose();
    }

    [Fact]
    public async Task Every_request_is_signed_with_a_nonce_of_its_own()
    {
        using var first = await _http.GetAsync("api/v1/jobs?limit=5");
        using var content = new StringContent("{\"a\":1}", Encoding.UTF8, "application/json");
        using var second = await _http.PostAsync("api/v1/jobs", content);

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.OK], [first.StatusCode, second.StatusCode]);
        Assert.Equal(2, _server.Nonces.Distinct().Count());
        Assert.All(_server.Accepted, accepted => Assert.Equal(_key.Address, accepted.Signer));
    }

    [Fact]
    public async Task A_body_that_can_be_read_once_only_arrives_whole_and_digested()
    {
        using var stream = new OnceOnlyStream("{\"a\":1}"u8.ToArray());
        using var content = new StreamContent(stream);
        _clientsClock.SetUtcNow(Now.AddHours(3));

        using var answer = await _http.PostAsync("api/v1/jobs", content);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(["{\"a\":1}", "{\"a\":1}"], _server.Bodies);
    }

    [Theory]
    [InlineData(3600)]
    [InlineData(-3600 * 24 * 365)]
    public async Task A_clock_that_is_off_is_set_right_by_the_servers_once(int secondsOff)
    {
        _clientsClock.AdjustTime(Now.AddSeconds(secondsOff));

        using var first = await _http.GetAsync("a");
        using var second = await _http.GetAsync("b");

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.OK], [first.StatusCode, second.StatusCode]);
        Assert.Equal(["/a", "/a", "/b"], _server.Paths);
        Assert.Equal(3, _server.Nonces.Distinct().Count());
    }

    [Fact]
    public async Task A_server_that_is_never_content_is_asked_twice_and_its_answer_can_be_read()
    {
        _server.Answer = _ => CheckingServer.Refusal(ProblemTypes.ClockSkew, Now);

        using var answer = await _http.GetAsync("a", HttpCompletionOption.ResponseHeadersRead);

        Assert.Equal(["/a", "/a"], _server.Paths);
        Assert.Contains(ProblemTypes.ClockSkew, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ProblemTypes.NotSigned, true)]
    [InlineData(ProblemTypes.Replay, true)]
    [InlineData(ProblemTypes.ClockSkew, false)]
    public async Task Another_refusal_comes_back_as_it_is(string code, bool hasTime)
    {
        _server.Answer = _ => CheckingServer.Refusal(code, hasTime ? Now : null);

        using var answer = await _http.GetAsync("a", HttpCompletionOption.ResponseHeadersRead);

        Assert.Equal(["/a"], _server.Paths);
        Assert.Contains(code, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/problem+json", "no JSON")]
    [InlineData("application/problem+json", "[]")]
    [InlineData("text/html", "<html>")]
    public async Task A_401_of_something_else_comes_back_as_it_is(string type, string text)
    {
        _server.Answer = _ => new(HttpStatusCode.Unauthorized) { Content = new StringContent(text, Encoding.UTF8, type) };

        using var answer = await _http.GetAsync("a", HttpCompletionOption.ResponseHeadersRead);

        Assert.Equal(["/a"], _server.Paths);
        Assert.Equal(text, await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_market_client_with_a_key_signs()
    {
        using var client = MarketClient.Connect(new Uri("https://market.example/"), _key, _clientsClock, _server);

        await Assert.ThrowsAsync<MarketException>(() => client.GetMarketAsync("cpu", CancellationToken.None));

        Assert.Equal(_key.Address, Assert.Single(_server.Accepted).Signer);
    }

    /// <summary>A server whose only route says whether the signature holds.</summary>
    private sealed class CheckingServer(DateTimeOffset now) : HttpMessageHandler
    {
        public List<SignatureAccepted> Accepted { get; } = [];

        public List<string> Nonces { get; } = [];

        public List<string> Paths { get; } = [];

        public List<string> Bodies { get; } = [];

        public Func<HttpRequestMessage, HttpResponseMessage>? Answer { get; set; }

        public static HttpResponseMessage Refusal(string code, DateTimeOffset? serverTime) => new(HttpStatusCode.Unauthorized)
        {
            Content = new StringContent(
                JsonSerializer.Serialize(new ServerProblem { Type = ProblemTypes.Prefix + code, Status = 401, ServerTime = serverTime }, WireJson.Answers.ServerProblem),
                Encoding.UTF8,
                "application/problem+json"),
        };

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct)
        {
            var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(ct);
            Paths.Add(request.RequestUri!.AbsolutePath);
            Bodies.Add(Encoding.UTF8.GetString(body));
            Nonces.Add(Assert.Single(request.Headers.GetValues("Signature-Input")).Split("nonce=\"")[1].Split('"')[0]);
            if (Answer is { } answer)
            {
                return answer(request);
            }

            switch (new MessageVerifier().Verify(RequestParts.Of(request), body, now))
            {
                case SignatureAccepted accepted:
                    Accepted.Add(accepted);
                    return new(HttpStatusCode.OK);
                case SignatureRefused refused:
                    return Refusal(refused.Code, now);
                default:
                    throw new InvalidOperationException();
            }
        }
    }

    /// <summary>A body off the network: it can neither be rewound nor measured.</summary>
    private sealed class OnceOnlyStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();
    }
}
