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
        await network.UntilAsync(async () => (await network.Client.GetJobAsync(job.Facts.Job, CancellationToken.None)).LastEvent > 9, "lines");

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
        await network.UntilAsync(async () => (await network.Client.GetJobAsync(job.Facts.Job, CancellationToken.None)).LastEvent > 9, "lines");

        await network.KillAsync("node1");
        network.StartNode("node2");
        await network.UntilAsync(async () => (await network.Client.GetJobAsync(job.Facts.Job, CancellationToken.None)).Facts.Attempt == 2, "the second attempt");
        network.StartNode("node1");

        var ended = await network.EndOfAsync(job.Facts.Job);
        Assert.Equal((JobOutcome.Succeeded, network.NodeAddress("node2")), (ended.Facts.Outcome, ended.Facts.Node!.Value));
        Assert.Equal(Enumerable.Range(1, 60).Select(number => $"line {number}"), await network.LogAsync(job.Facts.Job));
        await network.UntilAsync(async () => (await network.Client.GetMarketAsync(LocalNetwork.Market, CancellationToken.None)).SlotsWaiting == 2, "both nodes to wait");
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

        await network.KillAsync("server1");
        await network.Program("node1").TellsAsync("trying again");
        await Task.Delay(TimeSpan.FromSeconds(5));
        await network.StartServerAsync("server1");

        Assert.Equal(JobOutcome.Succeeded, (await network.EndOfAsync(job.Facts.Job)).Facts.Outcome);
        Assert.Equal(["begun", "finished"], await network.LogAsync(job.Facts.Job));
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Every_job_ends_exactly_once_while_everything_is_killed_in_turn()
    {
        await using var database = await PrivatePostgres.StartAsync();
        await using var network = await LocalNetwork.StartAsync(servers: 2, nodes: 3, database: database.Address, lease: 6);
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
            Assert.Equal(JobOutcome.Succeeded, ended.Facts.Outcome);
            Assert.Equal(20, (await network.LogAsync(job.Facts.Job)).Count);
        }

        await network.IsInOrderAsync();
    }
}
