using System.Text.Json;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Testing.Network;
using Xunit;

namespace Berth.Tests.Market;

/// <summary>Goes through every route of the API's own description and asks for somebody else's things.</summary>
public sealed class ForeignThingsTests
{
    /// <summary>Routes that say what anybody may know; everything else is refused to who has not signed.</summary>
    private static readonly HashSet<string> Public =
    [
        "get /api/v1", "get /api/v1/markets", "get /api/v1/markets/{market}", "get /api/v1/jobs", "get /api/v1/jobs/{job}", "get /api/v1/nodes", "get /api/v1/nodes/{node}",
    ];

    /// <summary>Routes that act for whoever signs, on nobody else's things: what they answer to somebody who has nothing.</summary>
    private static readonly Dictionary<string, int> OnesOwn = new()
    {
        ["post /api/v1/jobs"] = 402,
        ["post /api/v1/markets/{market}/claims"] = 409,
        ["get /api/v1/handovers"] = 200,
        ["get /api/v1/secrets"] = 200,
        ["put /api/v1/secrets/{name}"] = 400,
        ["post /api/v1/uploads"] = 200,
    };

    [Fact]
    public async Task On_no_route_does_anybody_reach_what_is_not_theirs()
    {
        await using var network = await TestNetwork.StartAsync();
        var node = await network.NodeAsync();
        var job = (await network.PostAsync()).Facts.Job;
        var lease = await node.StartAsync();
        await node.ReportAsync(lease, TestNode.Story(lease, Berth.Jobs.Results.RunOutcome.Succeeded)[..3]);
        var definition = (await network.Client.GetJobAsync(job, CancellationToken.None)).Definition!;
        var theirs = UploadId.Of("theirs");
        await network.Client.OpenUploadAsync(new UploadOpening { Upload = theirs }, CancellationToken.None);
        using var key = SigningKey.New();
        var (nobody, stranger) = (network.Http(), network.Http(key));
        var routes = await RoutesAsync(nobody);
        var reached = new List<string>();

        foreach (var (method, path) in routes)
        {
            var route = $"{method} {path}";
            var target = path.Replace("{name}", "NAME", StringComparison.Ordinal).Replace("{number}", "1", StringComparison.Ordinal)
                .Replace("{upload}", $"{theirs}", StringComparison.Ordinal).Replace("{content}", definition, StringComparison.Ordinal).Replace("{job}", $"{job}", StringComparison.Ordinal).Replace("{run}", $"{lease.Run}", StringComparison.Ordinal)
                .Replace("{market}", TestNetwork.Market, StringComparison.Ordinal).Replace("{node}", $"{node.Address}", StringComparison.Ordinal)
                .Replace("{account}", $"{network.ClientKey.Address}", StringComparison.Ordinal);
            var (unsigned, strange) = (await StatusAsync(nobody, method, target, Body(path, lease)), await StatusAsync(stranger, method, target, Body(path, lease)));
            if (!(Public.Contains(route) ? unsigned is 200 && strange is 200 : unsigned is 401 or 403 && (OnesOwn.TryGetValue(route, out var own) ? strange == own : strange is 403 or 404)))
            {
                reached.Add($"{route}: unsigned {unsigned}, a stranger {strange}");
            }
        }

        Assert.True(routes.Count >= 20, $"Only {routes.Count} routes are described.");
        Assert.Empty(reached);
        Assert.True((await node.FinishAsync(lease)).IsSettled);
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_public_view_of_a_job_says_nothing_of_how_it_went_inside()
    {
        await using var network = await TestNetwork.StartAsync();
        var node = await network.NodeAsync();
        var job = (await network.PostAsync()).Facts.Job;
        var lease = await node.StartAsync();
        await node.ReportAsync(lease, [new Berth.Jobs.Results.RunEnded(Berth.Jobs.Results.RunOutcome.Failed) { Number = 1, Message = "a secret" }]);

        Assert.Equal("a secret", (await network.Client.GetJobAsync(job, CancellationToken.None)).Message);
        Assert.Null((await network.Connect(null).GetJobAsync(job, CancellationToken.None)).Message);
    }

    private static async Task<List<(string Method, string Path)>> RoutesAsync(HttpClient http)
    {
        using var document = JsonDocument.Parse(await http.GetStringAsync("openapi/v1.json"));
        return [.. document.RootElement.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject().Select(method => (method.Name, path.Name)))];
    }

    private static async Task<int> StatusAsync(HttpClient http, string method, string target, string? body)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), target);
        if (method is not "get" && body is not null)
        {
            request.Content = new StringContent(body, null, target.Contains("/parts/", StringComparison.Ordinal) ? "application/octet-stream" : "application/json");
        }

        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        return (int)answer.StatusCode;
    }

    /// <summary>A body that the route takes, so that it is not the body that is refused.</summary>
    private static string? Body(string path, Lease lease) => path.Split('/')[^1] switch
    {
        "jobs" => JsonSerializer.Serialize(TestNetwork.APost(), WireJson.Answers.JobPost),
        "extend" => """{"timeoutSeconds":3000}""",
        "markets" => """{"slug":"mine","price":1}""",
        "{market}" => """{"price":0}""",
        "claims" => """{"claim":"x","slot":"0","waitSeconds":0}""",
        "renewals" => $$"""{"fence":{{lease.Fence}},"waitSeconds":0}""",
        "events" => JsonSerializer.Serialize(new RunReport { Fence = lease.Fence, Logs = [TestNode.Lines("one", 1, 3)] }, WireJson.Answers.RunReport),
        "{node}" => JsonSerializer.Serialize(TestNode.Having(TestNetwork.Market, 0, 0, "", 0), WireJson.Answers.NodeRegistration),
        "uploads" => $$"""{"upload":"{{UploadId.Of("mine")}}"}""",
        "{number}" => "a part",
        "end" => $$"""{"parts":0,"size":0,"content":"{{UnixFsHasher.IdOf([])}}"}""",
        "grants" => """{"amount":5}""",
        "handover" => """{"content":"AAAA","keys":[]}""",
        "{name}" => """{"box":{"content":"AAAA","keys":[]}}""",
        "opening" => $$"""{"fence":{{lease.Fence}}}""",
        _ => null,
    };
}
