using System.IO.Compression;
using System.Text;
using Berth.EndToEndTests.Lab;
using Berth.Jobs;
using Berth.Protocol;

namespace Berth.EndToEndTests.Network;

/// <summary>Secrets and confidential jobs through real servers, nodes and containers; what lies on disks afterwards is searched for what may not be there.</summary>
public sealed class SealedNetworkTests
{
    private const string Value = "correct-horse-battery-staple";
    private const string Marker = "nobody-else-may-read-this";

    private static readonly Definition UsesToken = Definition.Of(
        """echo "it is $TOKEN"; echo "in base64 $(printf %s "$TOKEN" | base64)"; echo length ${#TOKEN}""",
        """{ "env": { "TOKEN": { "secret": "TOKEN" } } }""",
        """{ "results": { "length": "(?<=length ).*", "token": "(?<=it is ).*" } }""");

    [Fact]
    public async Task A_job_that_waits_for_its_end_hands_its_secrets_over_and_nothing_that_is_kept_has_them()
    {
        await using var network = await LocalNetwork.StartAsync();
        (await network.BerthAsync(["secret", "set", "TOKEN"], Value + "\n")).Exited(0);
        Assert.Contains("TOKEN", (await network.BerthAsync("secret", "list")).Exited(0).Output, StringComparison.Ordinal);

        var said = (await network.BerthAsync("job", "post", "--wait", Write(UsesToken))).Exited(0);

        Assert.Contains("it is •••", said.Lines);
        Assert.Contains("in base64 •••", said.Lines);
        Assert.Contains($"length {Value.Length}", said.Lines);
        Assert.Contains("handed over what is sealed in job", said.Error, StringComparison.Ordinal);
        var job = (await network.Client.ListJobsAsync(new JobFilter(), CancellationToken.None)).Items[0].Job;
        var result = (await network.BerthAsync("job", "result", job.Value)).Exited(0).Output;
        Assert.Contains("it is \\u2022\\u2022\\u2022", result, StringComparison.Ordinal);
        Assert.DoesNotContain(Value, result, StringComparison.Ordinal);
        await KeptNowhereAsync(network, Value, Convert.ToBase64String(Encoding.UTF8.GetBytes(Value)));
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_node_that_is_killed_asks_for_the_secrets_again_and_goes_on_without_losing_a_line()
    {
        await using var network = await LocalNetwork.StartAsync();
        (await network.BerthAsync(["secret", "set", "TOKEN"], Value)).Exited(0);
        var job = (await network.BerthAsync("job", "post", Write(Definition.Of(
            "for i in $(seq 1 60); do echo line $i $TOKEN; sleep 0.1; done", """{ "env": { "TOKEN": { "secret": "TOKEN" } } }""")))).Exited(0);
        Assert.Contains("berth job serve", job.Error, StringComparison.Ordinal);
        var id = JobId.Parse(job.Lines[0], null);
        var serving = network.StartBerth("job", "serve");
        await network.UntilAsync(async () => (await network.Client.GetJobAsync(id, CancellationToken.None)).LastEvent > 9, "lines");

        await network.KillAsync("node1");
        await KeptNowhereAsync(network, Value);
        network.StartNode("node1");

        var ended = await network.EndOfAsync(id);
        Assert.Equal((JobOutcome.Succeeded, 1), (ended.Facts.Outcome, ended.Facts.Attempt));
        Assert.Equal(Enumerable.Range(1, 60).Select(number => $"line {number} •••"), await network.LogAsync(id));
        await KeptNowhereAsync(network, Value);
        Assert.Contains($"handed over what is sealed in job {id}", serving.Error, StringComparison.Ordinal);
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task Secrets_for_a_pinned_node_and_market_held_ones_need_nobody_to_stay()
    {
        await using var network = await LocalNetwork.StartAsync();
        (await network.BerthAsync(["secret", "set", "TOKEN"], Value)).Exited(0);
        var pinned = (await network.BerthAsync("job", "post", "--node", network.NodeAddress("node1").Value, Write(UsesToken))).Exited(0);
        var held = (await network.BerthAsync(["secret", "set", "TOKEN", "--market-held"], Value)).Exited(0);
        Assert.Contains("its operator", held.Error, StringComparison.Ordinal);
        var open = (await network.BerthAsync("job", "post", Write(UsesToken))).Exited(0);

        foreach (var posted in new[] { pinned, open })
        {
            (await network.BerthAsync("job", "wait", posted.Lines[0])).Exited(0);
            Assert.Equal(["it is •••", "in base64 •••", $"length {Value.Length}"], await network.LogAsync(JobId.Parse(posted.Lines[0], null)));
        }

        await KeptNowhereAsync(network, Value);
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_secret_the_account_has_not_is_refused_at_posting_with_its_place_and_a_value_on_the_command_line_too()
    {
        await using var network = await LocalNetwork.StartAsync(nodes: 1);

        foreach (var kind in new[] { "--attempts=2", "--confidential" })
        {
            var refused = (await network.BerthAsync("job", "post", kind, Write(UsesToken))).Exited(2);
            Assert.Contains("$.ops[0].args.env.TOKEN", refused.Error, StringComparison.Ordinal);
            Assert.Contains("berth secret set TOKEN", refused.Error, StringComparison.Ordinal);
        }

        Assert.Contains("never stands on the command line", (await network.BerthAsync("secret", "set", "TOKEN=value")).Exited(2).Error, StringComparison.Ordinal);
        Assert.Contains("is empty", (await network.BerthAsync(["secret", "set", "TOKEN"], "\n")).Exited(2).Error, StringComparison.Ordinal);
        Assert.Contains("You have no secret 'TOKEN'", (await network.BerthAsync("secret", "remove", "TOKEN")).Exited(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_confidential_job_is_read_by_its_poster_and_nobody_else_while_it_runs_and_ever_after()
    {
        await using var network = await LocalNetwork.StartAsync();
        var definition = Write(Definition.Of($"echo out {Marker}; for i in $(seq 1 40); do echo line $i; sleep 0.1; done; echo done {Marker}; exit 3", $$"""{ "env": { "A": "{{Marker}}" } }""", $$"""{ "results": { "{{Marker}}": "done .*" } }"""));
        var follower = network.StartBerth("job", "post", "--confidential", "--wait", definition);
        await follower.SaysAsync("line 5");

        await network.KillAsync("node1");
        await KeptNowhereAsync(network, Marker);
        network.StartNode("node1");

        var said = (await follower.EndAsync()).Exited(1);
        Assert.Contains($"out {Marker}", said.Lines);
        var job = (await network.Client.ListJobsAsync(new JobFilter(), CancellationToken.None)).Items[0];
        Assert.True(job.IsConfidential);
        string[] expected = [$"out {Marker}", .. Enumerable.Range(1, 40).Select(number => $"line {number}"), $"done {Marker}"];
        Assert.Equal(expected, (await network.BerthAsync("job", "logs", job.Job.Value)).Exited(0).Lines);
        var result = (await network.BerthAsync("job", "result", job.Job.Value)).Exited(0).Output;
        Assert.Contains($"\"{Marker}\"", result, StringComparison.Ordinal);
        Assert.Contains("\"exitCode\": 3", result, StringComparison.Ordinal);
        (await network.BerthAsync("job", "wait", job.Job.Value)).Exited(1);
        var view = (await network.BerthAsync("job", "get", job.Job.Value)).Exited(0).Output;
        Assert.Contains("by the poster", view, StringComparison.Ordinal);

        foreach (var command in new[] { "logs", "result" })
        {
            var refused = (await network.BerthAsAsync("operator.json", "job", command, job.Job.Value)).Exited(2);
            Assert.Contains("confidential", refused.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(Marker, refused.Output, StringComparison.Ordinal);
        }

        await network.UntilAsync(async () => (await network.Client.GetMarketAsync(LocalNetwork.Market, CancellationToken.None)).SlotsWaiting == 1, "the node to be done");
        await KeptNowhereAsync(network, Marker);
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_definition_with_logistics_is_posted_as_a_confidential_job()
    {
        await using var network = await LocalNetwork.StartAsync();
        var text = Definition.Of($"echo {Marker}").ToString();
        var path = Path.Combine(Directory.CreateTempSubdirectory("berth-post-").FullName, "job.json");
        await File.WriteAllTextAsync(path, text[..^1] + ""","logistics":{"send":{"type":"api-listen","args":{}},"receive":{"type":"api-listen","args":{}}}}""");

        var said = (await network.BerthAsync("job", "post", "--wait", path)).Exited(0);

        Assert.Contains($"{Marker}", said.Lines);
        Assert.True((await network.Client.ListJobsAsync(new JobFilter(), CancellationToken.None)).Items[0].IsConfidential);
        await KeptNowhereAsync(network, Marker);
    }

    /// <summary>A file outside of the network's folder, which is searched later.</summary>
    private static string Write(Definition definition)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("berth-post-").FullName, "job.json");
        File.WriteAllText(path, definition.ToString());
        return path;
    }

    /// <summary>Searches everything that server, nodes and client keep: databases, content, states.</summary>
    private static async Task KeptNowhereAsync(LocalNetwork network, params string[] texts)
    {
        var searched = 0;
        foreach (var file in Directory.EnumerateFiles(network.Folder, "*", SearchOption.AllDirectories).Where(file => Path.GetExtension(file) != ".sock" && Path.GetFileName(file) != "lock"))
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var bytes = new MemoryStream();
            await stream.CopyToAsync(bytes);
            searched++;
            foreach (var text in texts)
            {
                Assert.True(Readable(bytes.ToArray()).All(part => part.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) < 0), $"{file} has '{text}' in it.");
            }
        }

        // The database, its log, what is content, and the node's journal and logs at least.
        Assert.True(searched > 5, $"Only {searched} files were there to be searched.");
    }

    /// <summary>The bytes, and what is packed by gzip anywhere in them, as chunks of logs are.</summary>
    private static IEnumerable<byte[]> Readable(byte[] bytes)
    {
        yield return bytes;
        byte[] magic = [0x1f, 0x8b, 8];
        for (var at = bytes.AsSpan().IndexOf(magic); at >= 0; at = bytes.AsSpan(at + 1).IndexOf(magic) is var next and >= 0 ? at + 1 + next : -1)
        {
            var unpacked = new MemoryStream();
            try
            {
                using var gzip = new GZipStream(new MemoryStream(bytes[at..]), CompressionMode.Decompress);
                gzip.CopyTo(unpacked);
            }
            catch (InvalidDataException)
            {
                // A database keeps long values in several pieces; what there is of this one is unpacked.
            }

            yield return unpacked.ToArray();
        }
    }
}
