using System.Net;
using System.Text.Json;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Testing.Network;
using Xunit;

namespace Berth.Tests.Market;

/// <summary>Only who holds the key acts for the address, and each request acts once.</summary>
public sealed class SignatureTests
{
    [Fact]
    public async Task A_request_that_was_altered_after_it_was_signed_is_refused()
    {
        await using var network = await TestNetwork.StartAsync();
        await network.NodeAsync();
        var body = JsonSerializer.Serialize(TestNetwork.APost(), WireJson.Answers.JobPost);

        Assert.Equal(ProblemTypes.NotSigned, await CodeAsync(Request(network, body), request => request.Content = new StringContent(body.Replace("cpu", "gpu", StringComparison.Ordinal), null, "application/json")));
        Assert.Equal(ProblemTypes.NotSigned, await CodeAsync(Request(network, body), request => request.RequestUri = new Uri(network.Address, "api/v1/jobs?x=1")));
        Assert.Equal(ProblemTypes.NotSigned, await CodeAsync(Request(network, body), request => request.Method = HttpMethod.Put));
        Assert.Equal(ProblemTypes.NotSigned, await CodeAsync(Request(network, body), request => request.Headers.Host = "elsewhere.example"));
        Assert.Equal(ProblemTypes.NotSigned, await CodeAsync(Request(network, body), request => request.Headers.Remove("Signature")));
        Assert.Equal(ProblemTypes.NotSigned, await CodeAsync(Request(network, body), request => request.Headers.Remove("Signature-Input")));
        Assert.Equal(ProblemTypes.NotSigned, await CodeAsync(Request(network, body), request => request.Headers.Remove("Content-Digest")));
        Assert.Equal(ProblemTypes.NotSigned, await CodeAsync(Request(network, body), request =>
        {
            using var other = SigningKey.New();
            var input = request.Headers.NonValidated["Signature-Input"].ToString().Replace(network.ClientKey.Address.Value, other.Address.Value, StringComparison.Ordinal);
            request.Headers.Remove("Signature-Input");
            request.Headers.TryAddWithoutValidation("Signature-Input", input);
        }));
        Assert.Empty((await network.Client.ListJobsAsync(new JobFilter(), CancellationToken.None)).Items);
    }

    [Fact]
    public async Task The_same_request_twice_acts_once_and_the_second_is_a_replay()
    {
        await using var network = await TestNetwork.StartAsync();
        await network.NodeAsync();
        using var request = Request(network, JsonSerializer.Serialize(TestNetwork.APost(), WireJson.Answers.JobPost));

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => SignedOnce.SendAsync(request, network.Address)));

        Assert.Equal([201, 401, 401, 401, 401, 401, 401, 401], answers.Order());
    }

    [Fact]
    public async Task What_is_signed_for_another_server_is_nothing_to_this_one()
    {
        await using var network = await TestNetwork.StartAsync(configure: options => options.Host = "market.example,127.0.0.1");
        await network.NodeAsync();
        var body = JsonSerializer.Serialize(TestNetwork.APost(), WireJson.Answers.JobPost);
        using var elsewhere = SignedOnce.Request(new Uri("http://evil.example"), network.ClientKey, network.Time.GetUtcNow(), HttpMethod.Post, "api/v1/jobs", body);
        using var here = SignedOnce.Request(new Uri("http://Market.example"), network.ClientKey, network.Time.GetUtcNow(), HttpMethod.Post, "api/v1/jobs", body);

        Assert.Equal(401, await SignedOnce.SendAsync(elsewhere, network.Address));
        Assert.Equal(201, await SignedOnce.SendAsync(here, network.Address));
    }

    [Fact]
    public async Task A_read_twice_is_a_replay_too()
    {
        await using var network = await TestNetwork.StartAsync();
        using var request = SignedOnce.Request(network, network.ClientKey, HttpMethod.Get, $"api/v1/accounts/{network.ClientKey.Address}");

        Assert.Equal(200, await SignedOnce.SendAsync(request, network.Address));
        Assert.Equal(401, await SignedOnce.SendAsync(request, network.Address));
    }

    [Theory]
    [InlineData(60)]
    [InlineData(-60)]
    public async Task A_clock_that_is_an_hour_off_is_told_the_servers_time(int minutes)
    {
        await using var network = await TestNetwork.StartAsync();
        using var http = new HttpClient();
        using var request = SignedOnce.Request(network, network.ClientKey, HttpMethod.Get, $"api/v1/accounts/{network.ClientKey.Address}", off: TimeSpan.FromMinutes(minutes));

        using var answer = await http.SendAsync(request);

        var problem = JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(), WireJson.Answers.ServerProblem)!;
        Assert.Equal((HttpStatusCode.Unauthorized, ProblemTypes.ClockSkew), (answer.StatusCode, problem.Code));
        Assert.Equal(network.Time.GetUtcNow(), problem.ServerTime);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(-60)]
    public async Task A_client_whose_clock_is_an_hour_off_corrects_itself_and_the_pay_is_by_the_servers(int minutes)
    {
        await using var network = await TestNetwork.StartAsync();
        var node = await network.NodeAsync();
        var off = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(network.Time.GetUtcNow().AddMinutes(minutes));
        using var client = MarketClient.Connect(network.Address, network.ClientKey, off);

        var posted = await client.PostAsync(TestNetwork.APost(), CancellationToken.None);
        var lease = await node.StartAsync();
        network.Time.Advance(TimeSpan.FromSeconds(10));
        off.Advance(TimeSpan.FromDays(1));
        await node.FinishAsync(lease, at: off.GetUtcNow());

        Assert.Equal(new Nos(70), (await client.GetJobAsync(posted.Facts.Job, CancellationToken.None)).Cost);
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_signature_that_does_not_hold_is_refused_even_where_none_is_needed()
    {
        await using var network = await TestNetwork.StartAsync();

        Assert.Equal(ProblemTypes.NotSigned, await CodeAsync(
            SignedOnce.Request(network, network.ClientKey, HttpMethod.Get, "api/v1/markets"), request => request.RequestUri = new Uri(network.Address, "api/v1/nodes")));
    }

    private static HttpRequestMessage Request(TestNetwork network, string body) => SignedOnce.Request(network, network.ClientKey, HttpMethod.Post, "api/v1/jobs", body);

    private static async Task<string?> CodeAsync(HttpRequestMessage request, Action<HttpRequestMessage> alter)
    {
        using var http = new HttpClient();
        using var owned = request;
        alter(request);
        using var answer = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        return JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(), WireJson.Answers.ServerProblem)!.Code;
    }
}
