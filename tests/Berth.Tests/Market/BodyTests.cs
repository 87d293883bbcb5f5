using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Berth.Protocol;
using Berth.Testing.Network;
using Xunit;

namespace Berth.Tests.Market;

/// <summary>Whatever is sent, the answer is a problem that says what and where, and the server goes on.</summary>
public sealed class BodyTests(SharedNetwork shared) : IClassFixture<SharedNetwork>
{
    private const string Job = "4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtWCJziofM3";

    [Theory]
    [InlineData("jobs", "", "JSON")]
    [InlineData("jobs", "null", "null")]
    [InlineData("jobs", "[]", "$")]
    [InlineData("jobs", "{", "$")]
    [InlineData("jobs", "{}", "job")]
    [InlineData("jobs", """{"job":7,"market":"cpu","definition":"{}"}""", "$.job")]
    [InlineData("jobs", """{"job":"short","market":"cpu","definition":"{}"}""", "$.job")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":null,"definition":"{}"}""", "market")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":{} }""", "$.definition")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":"{}","timeoutSecond":5}""", "timeoutSecond")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":"{}","timeoutSeconds":5,"timeoutSeconds":6}""", "timeoutSeconds")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":"{}","timeoutSeconds":1e400}""", "$.timeoutSeconds")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":"{}","timeoutSeconds":99999999999999999999}""", "$.timeoutSeconds")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":"{}","timeoutSeconds":1.5}""", "$.timeoutSeconds")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":"{}","maxPrice":"1"}""", "$.maxPrice")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":"{}","format":"Xml"}""", "$.format")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":"{}","attempts":3}""", "ops")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":"\ud800"}""", "$.definition")]
    [InlineData("jobs", $$"""{"job":"{{Job}}","market":"cpu\u0000","definition":"{}"}""", "ops")]
    [InlineData("jobs/" + Job + "/extend", """{"timeoutSeconds":"1"}""", "$.timeoutSeconds")]
    [InlineData("markets/cpu/claims", """{"claim":"","slot":"0"}""", "claim")]
    [InlineData("runs/" + Job + "/events", """{"fence":1,"events":[7]}""", "kind")]
    [InlineData("runs/" + Job + "/events", """{"fence":1,"events":[{"kind":"notice","number":0}]}""", "number")]
    [InlineData("runs/" + Job + "/events", """{"fence":1,"events":[{"\ud800":1,"kind":"notice","number":1}]}""", "")]
    [InlineData("runs/" + Job + "/events", """{"fence":1,"logs":[{"operation":"a","first":1,"last":1,"size":1,"data":"!"}]}""", "data")]
    public async Task A_body_that_is_not_what_the_route_takes_is_refused_with_where(string path, string body, string where)
    {
        var network = shared.Network;
        var http = network.Http(network.ClientKey);

        var (status, problem) = await SendAsync(http, HttpMethod.Post, $"api/v1/{path}", body);

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.NotNull(problem?.Detail);
        Assert.Contains(where, problem.Detail, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("""{"market":"cpu","instance":"i","machine":{"cpus":1,"memoryMib":1,"diskMib":1,"engine":"e","version":"v"},"slots":[null]}""", "slots")]
    [InlineData("""{"market":"cpu","instance":"i","machine":{"cpus":1,"memoryMib":1,"diskMib":1,"engine":"e","version":"v","gpus":[null]},"slots":[{"slot":"0","cpus":1,"memoryMib":1}]}""", "gpus")]
    [InlineData("""{"market":"cpu","instance":"i","machine":{"cpus":1,"memoryMib":1,"diskMib":1,"engine":"e","version":"v"},"slots":[{"slot":"0","cpus":1,"memoryMib":1,"gpus":[null]}]}""", "slots")]
    [InlineData("""{"market":"cpu","instance":"i","machine":{"cpus":1,"memoryMib":1,"diskMib":1,"engine":"e","version":"v"},"slots":[{"slot":"0","cpus":1,"memoryMib":1},{"slot":"0","cpus":1,"memoryMib":1}]}""", "slots")]
    [InlineData("""{"market":"cpu","instance":"i","machine":{"cpus":-1,"memoryMib":1,"diskMib":1,"engine":"e","version":"v"},"slots":[{"slot":"0","cpus":1,"memoryMib":1}]}""", "machine")]
    [InlineData("""{"market":"cpu","instance":"","machine":{"cpus":1,"memoryMib":1,"diskMib":1,"engine":"e","version":"v"},"slots":[{"slot":"0","cpus":1,"memoryMib":1}]}""", "instance")]
    public async Task A_registration_that_cannot_be_is_refused(string body, string where)
    {
        var network = shared.Network;

        var (status, problem) = await SendAsync(network.Http(network.ClientKey), HttpMethod.Put, $"api/v1/nodes/{network.ClientKey.Address}", body);

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(where, problem?.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"slug":"x","price":1,"gpuTypes":[null]}""")]
    [InlineData("""{"slug":"x","price":1,"requiredImages":[""]}""")]
    [InlineData("""{"slug":"x","price":-1}""")]
    [InlineData("""{"slug":"x\u0000","price":1}""")]
    [InlineData("""{"slug":"X","price":1}""")]
    [InlineData("""{"slug":"x","price":1,"defaultTimeoutSeconds":0}""")]
    [InlineData("""{"slug":"x","price":1,"access":["nobody"]}""")]
    [InlineData("""{"slug":"x","price":9223372036854775807}""")]
    public async Task A_market_that_cannot_be_is_refused(string body)
    {
        var network = shared.Network;

        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync(network.Http(network.OperatorKey), HttpMethod.Post, "api/v1/markets", body)).Status);
    }

    [Theory]
    [InlineData("api/v1/jobs?limit=0", 400)]
    [InlineData("api/v1/jobs?limit=201", 400)]
    [InlineData("api/v1/jobs?limit=99999999999999999999", 400)]
    [InlineData("api/v1/jobs?limit=x", 400)]
    [InlineData("api/v1/jobs?state=asleep", 400)]
    [InlineData("api/v1/jobs?state=7", 400)]
    [InlineData("api/v1/jobs?node=nobody", 400)]
    [InlineData("api/v1/jobs?after=never", 400)]
    [InlineData("api/v1/jobs?after=" + Job, 400)]
    [InlineData("api/v1/jobs?market=none", 404)]
    [InlineData("api/v1/jobs/x", 400)]
    [InlineData("api/v1/jobs/" + Job, 404)]
    [InlineData("api/v1/jobs/" + Job + "/definition", 404)]
    [InlineData("api/v1/jobs/" + Job + "/result", 404)]
    [InlineData("api/v1/jobs/" + Job + "/events", 404)]
    [InlineData("api/v1/markets/none", 404)]
    [InlineData("api/v1/nodes?market=none", 404)]
    [InlineData("api/v1/nodes/" + Job, 404)]
    [InlineData("api/v1/nodes/x", 400)]
    [InlineData("api/v1/nothing", 404)]
    [InlineData("api/v1/accounts/{client}/entries?after=x", 400)]
    [InlineData("api/v1/accounts/{client}/entries?after=99999999999999999999", 400)]
    public async Task What_is_not_there_or_cannot_be_asked_is_a_problem(string path, int status)
    {
        var network = shared.Network;

        var (answered, problem) = await SendAsync(network.Http(network.ClientKey), HttpMethod.Get, path.Replace("{client}", $"{network.ClientKey.Address}", StringComparison.Ordinal), null);

        Assert.Equal(status, (int)answered);
        Assert.Equal(status, problem?.Status);
        Assert.StartsWith(ProblemTypes.Prefix, problem?.Type, StringComparison.Ordinal);
        Assert.NotNull(problem?.Detail);
    }

    [Fact]
    public async Task What_is_left_out_takes_its_default()
    {
        await using var network = await TestNetwork.StartAsync();
        var (keeper, client, node) = (network.Http(network.OperatorKey), network.Http(network.ClientKey), await network.NodeAsync());

        Assert.Equal(HttpStatusCode.Created, (await SendAsync(keeper, HttpMethod.Post, "api/v1/markets", """{"slug":"plain","price":0}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(client, HttpMethod.Put, $"api/v1/nodes/{network.ClientKey.Address}", """
            {"market":"plain","instance":"i","machine":{"cpus":1,"memoryMib":1,"diskMib":1,"engine":"e","version":"v"},"slots":[{"slot":"0","cpus":1,"memoryMib":1}]}
            """)).Status);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(client, HttpMethod.Post, "api/v1/jobs", $$"""
            {"job":"{{Job}}","market":"cpu","definition":"{{JsonEncodedText.Encode(TestNetwork.APost().Definition)}}" }
            """)).Status);
        var lease = await node.StartAsync();
        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync(client, HttpMethod.Post, $"api/v1/runs/{lease.Run}/events", "{}")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(client, HttpMethod.Post, $"api/v1/runs/{lease.Run}/events", """{"fence":1}""")).Status);

        var market = await network.Client.GetMarketAsync("plain", CancellationToken.None);
        Assert.Equal((3600, 86_400), (market.DefaultTimeoutSeconds, market.LargestTimeoutSeconds));
        Assert.Empty(market.GpuTypes);
        Assert.Equal(2, (await network.Client.GetJobAsync(lease.Job, CancellationToken.None)).Attempts);
    }

    [Fact]
    public async Task Another_method_and_another_type_of_body_are_problems_too()
    {
        await using var network = await TestNetwork.StartAsync();
        var http = network.Http();

        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await SendAsync(http, HttpMethod.Delete, "api/v1/jobs", null)).Status);
        using var answer = await http.PostAsync("api/v1/jobs", new StringContent("a: b", null, "application/yaml"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task A_run_nobody_has_is_not_found()
    {
        await using var network = await TestNetwork.StartAsync();
        var node = await network.NodeAsync();
        var lease = new Lease
        {
            Run = new(Job),
            Job = new(Job),
            Fence = 1,
            Attempt = 1,
            LeaseSeconds = 1,
            TimeoutSeconds = 1,
            Market = "",
            Poster = node.Address,
            Slot = "",
            Definition = "",
            DefinitionId = "",
            EndpointDomain = "",
        };

        Assert.Equal(ProblemTypes.NotFound, (await Assert.ThrowsAsync<MarketException>(() => node.RenewAsync(lease))).Code);
        Assert.Equal(ProblemTypes.NotFound, (await Assert.ThrowsAsync<MarketException>(() => node.FinishAsync(lease))).Code);
    }

    [Fact]
    public async Task JSON_that_is_too_deep_is_refused()
    {
        await using var network = await TestNetwork.StartAsync();
        var deep = new string('[', 100_000) + new string(']', 100_000);

        var (status, problem) = await SendAsync(network.Http(network.ClientKey), HttpMethod.Post, "api/v1/jobs", $$"""{"job":"{{Job}}","market":"cpu","definition":{{deep}}}""");

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.NotNull(problem?.Detail);
        var inside = await Assert.ThrowsAsync<MarketException>(() => network.PostAsync(TestNetwork.APost(deep)));
        Assert.Equal(ProblemTypes.InvalidDefinition, inside.Code);
    }

    [Fact]
    public async Task A_body_larger_than_its_route_takes_is_refused_whether_it_says_so_or_not()
    {
        await using var network = await TestNetwork.StartAsync();
        var large = """{"timeoutSeconds":1""" + new string(' ', 300 * 1024) + "}";

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await SendAsync(network.Http(network.ClientKey), HttpMethod.Post, $"api/v1/jobs/{Job}/extend", large)).Status);
        using var chunked = new HttpRequestMessage(HttpMethod.Post, $"api/v1/jobs/{Job}/extend") { Content = new StringContent(large, null, "application/json") };
        chunked.Headers.TransferEncodingChunked = true;
        using var answer = await network.Http(network.ClientKey).SendAsync(chunked);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        var refused = await Assert.ThrowsAsync<MarketException>(() => network.PostAsync(TestNetwork.APost(new string(' ', (1 << 20) + 1))));
        Assert.Equal(ProblemTypes.TooLarge, refused.Code);
    }

    [Theory]
    [InlineData("POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")]
    [InlineData("POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}\r\n0\r\n\r\n")]
    [InlineData("POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}   ")]
    [InlineData("POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("GET /api/v1/markets HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")]
    public async Task Lying_lengths_and_hosts_end_the_connection_and_nothing_else(string bytes)
    {
        var network = shared.Network;
        using var wire = new TcpClient();
        await wire.ConnectAsync(network.Address.Host, network.Address.Port);
        var stream = wire.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(bytes));
        wire.Client.Shutdown(SocketShutdown.Send);

        var answer = await new StreamReader(stream, Encoding.ASCII).ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));

        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal), answer);
        Assert.NotEmpty((await network.Client.ListMarketsAsync(null, CancellationToken.None)).Items);
    }

    [Fact]
    public async Task A_chunk_of_a_log_that_unpacks_to_more_than_it_says_is_refused()
    {
        await using var network = await TestNetwork.StartAsync();
        var node = await network.NodeAsync();
        await network.PostAsync();
        var lease = await node.StartAsync();
        var bomb = Packed(new byte[64 << 20]);
        var honest = TestNode.Lines("one", 1, 10);

        foreach (var (chunk, code) in new[]
        {
            (new LogChunk(new("one"), 1, 1, 10, bomb), ProblemTypes.BadRequest),
            (new LogChunk(new("one"), 1, 1, int.MaxValue, bomb), ProblemTypes.TooLarge),
            (new LogChunk(new("one"), 1, 1, -1, bomb), ProblemTypes.BadRequest),
            (honest with { Last = 11 }, ProblemTypes.BadRequest),
            (honest with { Size = honest.Size - 1 }, ProblemTypes.BadRequest),
            (honest with { Data = [.. honest.Data[..^9]] }, ProblemTypes.BadRequest),
            (honest with { Data = [1, 2, 3] }, ProblemTypes.BadRequest),
            (honest with { First = 0, Last = 9 }, ProblemTypes.BadRequest),
            (honest with { Operation = new(new string('a', 300)) }, ProblemTypes.BadRequest),
        })
        {
            Assert.Equal(code, (await Assert.ThrowsAsync<MarketException>(() => node.ReportAsync(lease, [], [chunk]))).Code);
        }

        var many = Enumerable.Range(0, 40).Select(_ => new LogChunk(new("one"), 1, 1, 16 << 20, [1])).ToList();
        Assert.Equal(ProblemTypes.TooLarge, (await Assert.ThrowsAsync<MarketException>(() => node.ReportAsync(lease, [], many))).Code);
        Assert.Equal(10, (await node.ReportAsync(lease, [], [honest])).LastLines["one"]);
    }

    [Fact]
    public async Task What_a_grant_cannot_be_is_refused_and_no_balance_overflows()
    {
        await using var network = await TestNetwork.StartAsync();
        var to = network.ClientKey.Address;
        foreach (var amount in new long[] { 0, -1, long.MinValue, long.MaxValue, 1_000_000_000_000_001 })
        {
            Assert.Equal(ProblemTypes.BadRequest, (await Assert.ThrowsAsync<MarketException>(() => network.GrantAsync(to, new Nos(amount)))).Code);
        }

        await network.SpoilAsync("update accounts set balance = balance - 3999999999990000000 where account = 'issued'");
        Assert.Equal(ProblemTypes.BadRequest, (await Assert.ThrowsAsync<MarketException>(() => network.GrantAsync(to, new Nos(1_000_000_000_000)))).Code);
    }

    private static byte[] Packed(byte[] bytes)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static async Task<(HttpStatusCode Status, ServerProblem? Problem)> SendAsync(HttpClient http, HttpMethod method, string path, string? body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, null, "application/json") };
        using var answer = await http.SendAsync(request);
        var problem = answer.Content.Headers.ContentType?.MediaType == "application/problem+json"
            ? JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(), WireJson.Answers.ServerProblem)
            : null;
        return (answer.StatusCode, problem);
    }
}
