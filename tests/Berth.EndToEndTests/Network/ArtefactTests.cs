using System.Security.Cryptography;
using Berth.EndToEndTests.Lab;
using Berth.Jobs;
using Berth.Protocol;

namespace Berth.EndToEndTests.Network;

/// <summary>What a job leaves behind reaches its owner: through a real node, server and engine, through cuts and deaths.</summary>
public sealed class ArtefactTests
{
    private const string ToOutput = """{"output":"/output"}""";

    [Fact]
    public async Task What_a_job_wrote_to_its_output_is_brought_back_as_it_was()
    {
        await using var network = await LocalNetwork.StartAsync();
        var script = "mkdir -p /output/deep/er; echo forty-two >/output/answer; head -c 9000000 /dev/urandom >/output/deep/er/noise; ln -s answer /output/link; " +
            "printf '#!/bin/sh\\n' >/output/tool; chmod 755 /output/tool; sha256sum /output/deep/er/noise | cut -c1-64";
        var said = (await network.BerthAsync("job", "post", "--wait", network.Write("job.json", Definition.Of(script, ToOutput)))).Exited(0);
        var job = await network.OnlyJobAsync();

        var got = (await network.BerthAsync("job", "get", job.Value)).Exited(0);
        var brought = (await network.BerthAsync("job", "download", job.Value, "here")).Exited(0);

        var here = Path.Combine(network.Folder, "here", "op");
        Assert.Contains($"berth job download {job}", said.Error, StringComparison.Ordinal);
        Assert.Contains("op/output  /output  4 files, 9.0 MB", got.Output, StringComparison.Ordinal);
        Assert.Equal([here], brought.Lines);
        Assert.Equal("forty-two\n", File.ReadAllText(Path.Combine(here, "link")));
        Assert.Equal(Assert.Single(said.Lines), Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(here, "deep", "er", "noise")))));
        Assert.True(File.GetUnixFileMode(Path.Combine(here, "tool")).HasFlag(UnixFileMode.UserExecute));
        Assert.Equal(["op"], Directory.EnumerateFileSystemEntries(Path.Combine(network.Folder, "here")).Select(Path.GetFileName));
        var result = (await network.BerthAsync("job", "result", job.Value)).Exited(0).Output;
        Assert.Contains("\"path\": \"deep/er/noise\"", result, StringComparison.Ordinal);
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_model_that_a_job_trained_on_data_of_its_owners_comes_back()
    {
        await using var network = await LocalNetwork.StartAsync();
        Directory.CreateDirectory(Path.Combine(network.Folder, "data"));
        File.WriteAllLines(Path.Combine(network.Folder, "data", "points.txt"), Enumerable.Range(0, 100).Select(x => FormattableString.Invariant($"{x / 50.0} {(-1.5 * x / 50.0) + 4}")));

        (await network.BerthAsync("job", "post", "--wait", "--upload", "data", Checkout.Example("train"))).Exited(0);
        (await network.BerthAsync("job", "download", (await network.OnlyJobAsync()).Value, "here")).Exited(0);

        Assert.Equal("{ \"slope\": -1.50, \"intercept\": 4.00 }\n", File.ReadAllText(Path.Combine(network.Folder, "here", "train", "model.json")));
        Assert.Equal(4, File.ReadAllLines(Path.Combine(network.Folder, "here", "train", "training.log")).Length);
    }

    [Fact]
    public async Task A_job_that_failed_or_ran_out_of_time_leaves_what_it_had_made_so_far()
    {
        await using var network = await LocalNetwork.StartAsync();
        var failed = await network.PostAsync(Definition.Of("mkdir /output; echo half >/output/part; exit 3", ToOutput));
        Assert.Equal(JobOutcome.Failed, (await network.EndOfAsync(failed.Facts.Job)).Facts.Outcome);
        var expired = (await network.BerthAsync("job", "post", "--timeout", "3s", network.Write("late.json", Definition.Of("mkdir /output; echo late >/output/part; sleep 100", ToOutput)))).Exited(0).Lines[0];
        Assert.Equal(JobOutcome.Expired, (await network.EndOfAsync(JobId.Parse(expired, null))).Facts.Outcome);

        (await network.BerthAsync("job", "download", failed.Facts.Job.Value, "failed")).Exited(0);
        (await network.BerthAsync("job", "download", expired, "expired")).Exited(0);

        Assert.Equal("half\n", File.ReadAllText(Path.Combine(network.Folder, "failed", "op", "part")));
        Assert.Equal("late\n", File.ReadAllText(Path.Combine(network.Folder, "expired", "op", "part")));
    }

    [Fact]
    public async Task Further_folders_and_files_are_kept_without_a_change_of_the_definition()
    {
        await using var network = await LocalNetwork.StartAsync();
        var two = new Definition().Then("a", "mkdir /made; echo of a >/made/file; echo log >/log.txt").Then("b", "mkdir /made; echo of b >/made/file");
        var file = network.Write("two.json", two);
        var wrong = (await network.BerthAsync("job", "post", "--artifact", "made=/made", file)).Exited(2);
        Assert.Contains("say whose artefact it is: a:made=/made", wrong.Error, StringComparison.Ordinal);

        (await network.BerthAsync("job", "post", "--wait", "--artifact", "a:made=/made", "--artifact", "a:log=/log.txt", "--artifact", "b:made=/made", file)).Exited(0);
        var job = await network.OnlyJobAsync();
        (await network.BerthAsync("job", "download", job.Value, "all")).Exited(0);
        (await network.BerthAsync("job", "download", job.Value, "some", "--op", "b")).Exited(0);

        string In(params string[] parts) => File.ReadAllText(Path.Combine([network.Folder, .. parts]));
        Assert.Equal(("of a\n", "log\n", "of b\n"), (In("all", "a.made", "file"), In("all", "a.log", "log.txt"), In("all", "b.made", "file")));
        Assert.Equal(["b.made"], Directory.EnumerateDirectories(Path.Combine(network.Folder, "some")).Select(Path.GetFileName));
        Assert.Equal(two.ToString(), System.Text.Encoding.UTF8.GetString(await network.Client.GetDefinitionAsync(job, CancellationToken.None)));
        var again = (await network.BerthAsync("job", "download", job.Value, "all")).Exited(2);
        Assert.Contains("nothing is written over", again.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_is_killed_while_it_sends_goes_on_where_it_was()
    {
        await using var network = await LocalNetwork.StartAsync();
        var job = await network.PostAsync(Definition.Of("mkdir /output; head -c 300000000 /dev/urandom >/output/big; sha256sum /output/big | cut -c1-64", ToOutput), attempts: 1);
        await network.UntilAsync(() => Task.FromResult(Parts(network) >= 5), "parts to be there");

        await network.KillAsync("node1");
        var before = Parts(network);
        network.StartNode("node1");
        var ended = await network.EndOfAsync(job.Facts.Job);

        Assert.Equal((JobOutcome.Succeeded, 1), (ended.Facts.Outcome, ended.Facts.Attempt));
        (await network.BerthAsync("job", "download", job.Facts.Job.Value, "here")).Exited(0);
        var sum = Convert.ToHexStringLower(await SHA256.HashDataAsync(File.OpenRead(Path.Combine(network.Folder, "here", "op", "big"))));
        Assert.Equal(sum, Assert.Single(await network.LogAsync(job.Facts.Job)));
        Assert.InRange(before, 5, 60);
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task An_artefact_beyond_what_market_or_node_take_fails_the_operation_and_says_why()
    {
        await using var network = await LocalNetwork.StartAsync(nodes: 0, serverOptions: ["--largest-artefact", "1"]);
        network.StartNode("node1", network.Address("server1"), null, "--output-files", "100");
        await network.UntilAsync(async () => (await network.Client.GetMarketAsync(LocalNetwork.Market, CancellationToken.None)).SlotsWaiting == 1, "the node to wait");
        var (large, many) = (
            await network.PostAsync(Definition.Of("mkdir /output; head -c 9000000 /dev/urandom >/output/big", ToOutput)),
            await network.PostAsync(Definition.Of("mkdir /output; cd /output; for n in $(seq 101); do : >$n; done", ToOutput)));

        var (first, second) = (await network.EndOfAsync(large.Facts.Job), await network.EndOfAsync(many.Facts.Job));

        Assert.Equal((JobOutcome.Failed, JobOutcome.Failed), (first.Facts.Outcome, second.Facts.Outcome));
        Assert.Contains("The output /output could not be kept: An artefact has at most 1048576 bytes here, packed.", first.Message, StringComparison.Ordinal);
        Assert.Contains("it has more than 100 files", second.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_killed_while_parts_come_in_gets_all_of_it_in_the_end()
    {
        await using var network = await LocalNetwork.StartAsync(lease: 120);
        var job = await network.PostAsync(Definition.Of("mkdir /output; head -c 200000000 /dev/urandom >/output/big; sha256sum /output/big | cut -c1-64", ToOutput), attempts: 1);
        await network.UntilAsync(() => Task.FromResult(Parts(network) >= 3), "parts to be there");

        await network.KillAsync("server1");
        await network.StartServerAsync("server1");
        var ended = await network.EndOfAsync(job.Facts.Job);

        Assert.True(ended.Facts is { Outcome: JobOutcome.Succeeded, Attempt: 1 }, ended.Message);
        (await network.BerthAsync("job", "download", job.Facts.Job.Value, "here")).Exited(0);
        var sum = Convert.ToHexStringLower(await SHA256.HashDataAsync(File.OpenRead(Path.Combine(network.Folder, "here", "op", "big"))));
        Assert.Equal(sum, Assert.Single(await network.LogAsync(job.Facts.Job)));
        await network.IsInOrderAsync();
    }

    // Contents of more than a megabyte: here only parts of the artefact are so large.
    private static int Parts(LocalNetwork network) =>
        new DirectoryInfo(Path.Combine(network.Folder, "content")) is { Exists: true } content ? content.EnumerateFiles("Qm*", SearchOption.AllDirectories).Count(file => file.Length > 1 << 20) : 0;
}
