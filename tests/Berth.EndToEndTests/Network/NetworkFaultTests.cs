using System.Diagnostics;
using Berth.EndToEndTests.Lab;
using Berth.Protocol;

namespace Berth.EndToEndTests.Network;

/// <summary>Parts of the network that die, and the jobs that go on.</summary>
public sealed class NetworkFaultTests
{
    private const string Counting = "for i in $(seq 1 60); do echo line $i; sleep 0.1; done";

    [Fact]
    public async Task A_node_that_is_killed_and_started_again_goes_on_with_its_job_and_no_line_is_lost_or_said_twice()
    {
        await using var network = await LocalNetwork.StartAsync();
        var job = await network.PostAsync(Definition.Of(Counting));
        await network.UntilLinesAsync(job.Facts.Job);

        await network.KillAsync("node1");
        network.StartNode("node1");

        var ended = await network.EndOfAsync(job.Facts.Job);
        Assert.Equal((JobOutcome.Succeeded, 1), (ended.Facts.Outcome, ended.Facts.Attempt));
        Assert.Equal(Enumerable.Range(1, 60).Select(number => $"line {number}"), await network.LogAsync(job.Facts.Job));
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_node_that_stays_away_past_its_lease_loses_the_job_and_clears_up_when_it_is_back()
    {
        await using var network = await LocalNetwork.StartAsync(nodes: 1, lease: 4);
        var job = await network.PostAsync(Definition.Of(Counting));
        await network.UntilLinesAsync(job.Facts.Job);

        await network.KillAsync("node1");
        network.StartNode("node2");
        await network.UntilAsync(async () => (await network.Client.GetJobAsync(job.Facts.Job, CancellationToken.None)).Facts.Attempt == 2, "the second attempt");
        network.StartNode("node1");

        var ended = await network.EndOfAsync(job.Facts.Job);
        Assert.Equal((JobOutcome.Succeeded, network.NodeAddress("node2")), (ended.Facts.Outcome, ended.Facts.Node!.Value));
        Assert.Equal(Enumerable.Range(1, 60).Select(number => $"line {number}"), await network.LogAsync(job.Facts.Job));
        await network.UntilWaitingAsync(2);
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_server_that_is_away_for_longer_than_nothing_loses_nothing_and_followers_resume()
    {
        await using var network = await LocalNetwork.StartAsync();
        var job = await network.PostAsync(Definition.Of(Counting));
        var follower = network.StartBerth("job", "logs", "-f", job.Facts.Job.Value);
        await follower.SaysAsync("line 5");

        await network.KillAsync("server1");
        await network.StartServerAsync("server1");

        var said = (await follower.EndAsync()).Exited(0);
        Assert.Equal(Enumerable.Range(1, 60).Select(number => $"line {number}"), said.Lines);
        Assert.Equal(1, (await network.EndOfAsync(job.Facts.Job)).Facts.Attempt);
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_job_whose_server_is_away_when_it_ends_is_reported_when_the_server_is_back()
    {
        await using var network = await LocalNetwork.StartAsync(lease: 60);
        var job = await network.PostAsync(Definition.Of("echo begun; sleep 3; echo finished"));
        await network.UntilAsync(async () => (await network.Client.GetJobAsync(job.Facts.Job, CancellationToken.None)).LastEvent > 8, "the job to run");

        var run = await network.RunOfAsync(job.Facts.Job);

        await network.KillAsync("server1");
        await network.Program("node1").TellsAsync("trying again");
        await network.UntilNothingIsLeftAsync(run);
        await network.StartServerAsync("server1");

        Assert.Equal(JobOutcome.Succeeded, (await network.EndOfAsync(job.Facts.Job)).Facts.Outcome);
        Assert.Equal(["begun", "finished"], await network.LogAsync(job.Facts.Job));
    }

    [Fact]
    public async Task A_node_whose_network_is_cut_within_its_lease_goes_on_and_tells_everything_when_it_is_joined_again()
    {
        await using var network = await LocalNetwork.StartAsync(nodes: 0, lease: 60);
        await using var wire = new CuttableWire(network.Address());
        network.StartNode("node1", wire.Address);
        await network.UntilWaitingAsync(1);
        var job = await network.PostAsync(Definition.Of(Counting));
        await network.UntilLinesAsync(job.Facts.Job);
        var run = await network.RunOfAsync(job.Facts.Job);

        wire.Cut();
        await network.UntilNothingIsLeftAsync(run);
        wire.Join();

        var ended = await network.EndOfAsync(job.Facts.Job);
        Assert.Equal((JobOutcome.Succeeded, 1), (ended.Facts.Outcome, ended.Facts.Attempt));
        Assert.Equal(Enumerable.Range(1, 60).Select(number => $"line {number}"), await network.LogAsync(job.Facts.Job));
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_node_whose_network_is_cut_for_longer_than_its_lease_stops_its_containers_by_itself()
    {
        await using var network = await LocalNetwork.StartAsync(nodes: 0, lease: 4);
        await using var wire = new CuttableWire(network.Address());
        network.StartNode("node1", wire.Address);
        await network.UntilWaitingAsync(1);
        var job = await network.PostAsync(Definition.Of("echo begun; sleep 600"));
        await network.UntilLinesAsync(job.Facts.Job);
        var first = await network.RunOfAsync(job.Facts.Job);

        wire.Cut();
        await network.UntilNothingIsLeftAsync(first);
        await network.UntilAsync(async () => (await network.Client.GetJobAsync(job.Facts.Job, CancellationToken.None)).Facts.State == JobState.Queued, "the job to be back in its queue");
        wire.Join();

        await network.UntilAsync(async () => (await network.Client.GetJobAsync(job.Facts.Job, CancellationToken.None)).Facts is { State: JobState.Running, Attempt: 2 }, "the second attempt");
        await network.Client.StopAsync(job.Facts.Job, CancellationToken.None);
        Assert.Equal(JobOutcome.StoppedByClient, (await network.EndOfAsync(job.Facts.Job)).Facts.Outcome);
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_second_agent_of_a_node_at_its_engine_is_refused_and_harms_nothing()
    {
        await using var network = await LocalNetwork.StartAsync();
        var job = await network.PostAsync(Definition.Of(Counting));
        await network.UntilLinesAsync(job.Facts.Job);

        network.CopyKey("node1", "twin");
        network.StartNode("twin");
        var refused = (await network.Program("twin").EndAsync()).Exited(2);

        Assert.Contains("at work already in another process on this machine, with another state folder", refused.Error, StringComparison.Ordinal);
        Assert.Equal((JobOutcome.Succeeded, 1), await network.OutcomeAsync(job.Facts.Job));
        Assert.Equal(60, (await network.LogAsync(job.Facts.Job)).Count);
    }

    [Fact]
    public async Task Of_two_agents_with_one_key_on_two_machines_the_older_finishes_what_it_has_and_leaves()
    {
        await using var machine = await PretendMachine.StartAsync();
        await using var network = await LocalNetwork.StartAsync();
        var first = await network.PostAsync(Definition.Of(Counting));
        await network.UntilLinesAsync(first.Facts.Job);

        network.CopyKey("node1", "twin");
        network.StartNode("twin", network.Address(), machine.Engine, "--allow-private-network");
        var second = await network.PostAsync(Definition.Of("echo second"));

        Assert.Equal((JobOutcome.Succeeded, 1), await network.OutcomeAsync(first.Facts.Job));
        Assert.Equal(60, (await network.LogAsync(first.Facts.Job)).Count);
        var left = await network.Program("node1").EndAsync();
        Assert.Contains("Another agent works as", left.Error, StringComparison.Ordinal);
        Assert.Equal((JobOutcome.Succeeded, 1), await network.OutcomeAsync(second.Facts.Job));
        await network.Program("twin").TellsAsync($"Took job {second.Facts.Job}");
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_node_whose_disk_is_full_hands_the_job_back_and_takes_it_again_when_there_is_room()
    {
        await using var network = await LocalNetwork.StartAsync(nodes: 0);
        var disk = Directory.CreateDirectory(network.StateOf("node1")).FullName;
        (await RunningProgram.RunAsync(new ProcessStartInfo("mount", ["-t", "tmpfs", "-o", "size=300m", "tmpfs", disk]))).Exited(0);
        try
        {
            network.StartNode("node1");
            await network.UntilWaitingAsync(1);
            var job = await network.PostAsync(Definition.Of("i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; sleep 0.05; done"));
            await network.UntilLinesAsync(job.Facts.Job);
            var filler = Path.Combine(disk, "filler");
            Fill(filler);

            await network.Program("node1").TellsAsync("No work is taken until there are 256 MiB free");
            Assert.Equal(JobState.Queued, (await network.Client.GetJobAsync(job.Facts.Job, CancellationToken.None)).Facts.State);
            File.Delete(filler);

            Assert.Equal((JobOutcome.Succeeded, 2), await network.OutcomeAsync(job.Facts.Job));
            Assert.Equal(300, (await network.LogAsync(job.Facts.Job)).Count);
        }
        finally
        {
            await network.EndAsync("node1");
            await RunningProgram.RunAsync(new ProcessStartInfo("umount", [disk]));
        }
    }

    [Fact]
    public async Task A_market_that_is_put_back_from_a_backup_is_in_order_and_its_nodes_work_on()
    {
        await using var network = await LocalNetwork.StartAsync(lease: 5);
        await network.EndAsync("node1");
        var before = await network.PostAsync(Definition.Of("echo before"));
        var backup = Path.Combine(network.Folder, "backup.db");
        (await network.BerthAsync("server", "backup", backup, "--data", network.Folder)).Exited(0);
        Assert.Equal(2, (await network.BerthAsync("server", "backup", backup, "--data", network.Folder)).ExitCode);

        network.StartNode("node1");
        await network.OutcomeAsync(before.Facts.Job);
        var forgotten = await network.PostAsync(Definition.Of("echo begun; sleep 600"));
        await network.UntilLinesAsync(forgotten.Facts.Job);
        var run = await network.RunOfAsync(forgotten.Facts.Job);

        await network.KillAsync("server1");
        network.PutBack(backup);
        await network.IsInOrderAsync();
        await network.StartServerAsync("server1");

        await network.UntilNothingIsLeftAsync(run);
        Assert.Equal((JobOutcome.Succeeded, 1), await network.OutcomeAsync(before.Facts.Job));
        Assert.Equal((JobOutcome.Succeeded, 1), await network.OutcomeAsync((await network.PostAsync(Definition.Of("echo after"))).Facts.Job));
        await network.IsInOrderAsync();
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_server_that_is_away_for_a_minute_loses_nothing_of_a_job_that_writes_all_the_while()
    {
        const int Lines = 200_000;
        await using var network = await LocalNetwork.StartAsync(lease: 600);
        var job = await network.PostAsync(Definition.Of($"filling=$(printf '%0200d' 0); i=0; while [ $i -lt {Lines} ]; do i=$((i+1)); echo line $i $filling; done; sleep 45; echo end"));
        await network.UntilLinesAsync(job.Facts.Job);
        var run = await network.RunOfAsync(job.Facts.Job);

        await network.KillAsync("server1");
        await network.UntilNothingIsLeftAsync(run);
        await network.StartServerAsync("server1");

        Assert.Equal((JobOutcome.Succeeded, 1), await network.OutcomeAsync(job.Facts.Job));
        Assert.Equal([.. Enumerable.Range(1, Lines).Select(number => $"line {number} {new string('0', 200)}"), "end"], await network.LogAsync(job.Facts.Job));
        await network.IsInOrderAsync();
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Every_job_ends_exactly_once_while_everything_is_killed_in_turn()
    {
        await using var database = await PrivatePostgres.StartAsync();
        await using var network = await LocalNetwork.StartAsync(servers: 2, nodes: 3, database: database.Address, lease: 20);
        var jobs = new List<JobView>();
        string[] parts = ["server1", "node1", "node2", "server2", "node3", "server1", "node1", "server2"];
        foreach (var part in parts)
        {
            for (var number = 0; number < 3; number++)
            {
                await network.UntilAsync(
                    async () =>
                    {
                        jobs.Add(await network.PostAsync(Definition.Of($"for i in $(seq 1 20); do echo {part} $i; sleep 0.05; done")));
                        return true;
                    },
                    "a server to take the post");
            }

            await network.KillAsync(part);
            if (part.StartsWith("server", StringComparison.Ordinal))
            {
                await network.StartServerAsync(part);
            }
            else
            {
                network.StartNode(part, part == "node2" ? "server2" : "server1");
            }
        }

        foreach (var job in jobs)
        {
            var ended = await network.EndOfAsync(job.Facts.Job);
            Assert.True(ended.Facts.Outcome == JobOutcome.Succeeded, $"{ended.Facts.Outcome} at attempt {ended.Facts.Attempt}: {ended.Message}");
            Assert.Equal(20, (await network.LogAsync(job.Facts.Job)).Count);
        }

        await network.IsInOrderAsync();
    }

    // To the last byte.
    private static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 0);
        try
        {
            for (var piece = new byte[64 * 1024]; ;)
            {
                file.Write(piece);
            }
        }
        catch (IOException)
        {
            // That was the last.
        }
    }
}
