using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Berth.EndToEndTests.Lab;
using Berth.Protocol.Identity;

namespace Berth.EndToEndTests.Identity;

/// <summary>Signed requests, between ours and somebody else's implementation of RFC 9421.</summary>
public sealed class MessageSignatureTests : IDisposable
{
    private readonly SigningKey _key = SigningKey.New();

    public void Dispose() => _key.Dispose();

    [Fact]
    public async Task Requests_we_sign_are_good_to_another_implementation()
    {
        await using var server = RunningProgram.Start(Node("verify", _key.Address.Value, Convert.ToHexStringLower(_key.Address.Bytes)));
        var port = (await server.SaysAsync("\n")).Split()[1];
        using var http = new HttpClient(new SigningHandler(_key, TimeProvider.System) { InnerHandler = new SocketsHttpHandler() }) { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };

        foreach (var (method, target, body) in new[]
        {
            ("GET", "", null),
            ("GET", "api/v1/jobs?state=Queued&after=a%20b%2Fc", null),
            ("POST", "api/v1/jobs", "{\"job\": \"é\"}"),
            ("DELETE", "api/v1/markets/caf%C3%A9?", null),
        })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), target) { Content = body is null ? null : new StringContent(body) };
            using var answer = await http.SendAsync(request);

            Assert.Equal("""{"holds":true,"holdsWhenAltered":false,"digest":true}""", await answer.Content.ReadAsStringAsync());
        }
    }

    [Theory]
    [InlineData("GET", "http://market.example/", null)]
    [InlineData("GET", "https://Market.Example:8443/api/v1/jobs?state=Queued&after=a%20b", null)]
    [InlineData("POST", "http://market.example:80/api/v1/jobs", "{\"job\": \"é\"}")]
    public async Task Requests_that_another_implementation_signs_are_good_to_us(string method, string url, string? body)
    {
        var said = (await RunningProgram.RunAsync(Node(["sign", _key.Address.Value, Convert.ToHexStringLower(_key.ExportSeed()), method, url, .. body is null ? [] : new[] { body }]))).Exited(0);
        var headers = new Dictionary<string, string>(JsonSerializer.Deserialize<Dictionary<string, string>>(said.Output)!, StringComparer.OrdinalIgnoreCase);
        using var sent = new HttpRequestMessage(new HttpMethod(method), url);
        var request = RequestParts.Of(sent) with { Header = name => headers.TryGetValue(name, out var value) ? [value] : [] };
        var bytes = Encoding.UTF8.GetBytes(body ?? "");

        var answer = new MessageVerifier().Verify(request, bytes, TimeProvider.System.GetUtcNow());

        Assert.Equal(_key.Address, Assert.IsType<SignatureAccepted>(answer).Signer);
        Assert.IsType<SignatureRefused>(new MessageVerifier().Verify(request with { Query = "?x" }, bytes, TimeProvider.System.GetUtcNow()));
    }

    private static ProcessStartInfo Node(params string[] arguments) =>
        new("node", [Path.Combine(Checkout.Root, "tests", "Berth.EndToEndTests", "Npm", "message-signature.mjs"), .. arguments]);
}
