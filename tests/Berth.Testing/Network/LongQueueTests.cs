using System.Diagnostics;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Xunit;

namespace Berth.Testing.Network;

/// <summary>A market with a hundred thousand jobs that wait, as many that have ended, and their history is as quick as an empty one.</summary>
public abstract class LongQueueTests(ITestOutputHelper output)
{
    private const int Many = 100_000;
    private const int Rounds = 30;

    // The end of an id in SQL: a number without noughts, which base58 does not have.
    private const string Digits = "replace(cast(11111111 + i as text), '0', 'z')";

    /// <summary>What anything may take on a busy machine; a look at every job takes several times as long.</summary>
    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(60);

    /// <summary>A network over a database of its own.</summary>
    protected abstract Task<TestNetwork> StartAsync();

    /// <summary>How often the tables that grow were read from end to end so far, where the database counts that.</summary>
    protected virtual Task<IReadOnlyList<string>> WholeReadsAsync(TestNetwork network) => Task.FromResult<IReadOnlyList<string>>([]);

    /// <summary>Lets the database learn what there is.</summary>
    protected virtual Task LearnAsync(TestNetwork network) => network.SpoilAsync("analyze");

    [Fact]
    [Trait("Category", "Long")]
    public async Task Posting_claiming_reporting_listing_and_keeping_stay_quick()
    {
        await using var network = await StartAsync();
        var (node, misfit) = (await network.NodeAsync(), await network.NodeAsync());
        await FillAsync(network, node.Address);
        await LearnAsync(network);
        var first = (await network.AskAsync("select job from jobs where state = 0 order by id limit 1")).Select(job => new Berth.Jobs.JobId(job)).Single();
        var last = (await network.PostAsync()).Facts.Job;
        await network.PassAsync(TimeSpan.FromSeconds(1));
        var before = await WholeReadsAsync(network);

        await IsQuickAsync("post", () => network.PostAsync());
        await IsQuickAsync("take a job, accept it and report its end", async () => await node.FinishAsync(await node.StartAsync()));
        await IsQuickAsync("look at the first that waits", () => network.Client.GetJobAsync(first, CancellationToken.None));
        await IsQuickAsync("look at the last that waits", () => network.Client.GetJobAsync(last, CancellationToken.None));
        foreach (var filter in new[]
        {
            new JobFilter(),
            new JobFilter { State = JobState.Running },
            new JobFilter { State = JobState.Queued, Market = TestNetwork.Market },
            new JobFilter { State = JobState.Completed, Market = TestNetwork.Market },
            new JobFilter { Poster = network.ClientKey.Address },
            new JobFilter { Node = node.Address },
            new JobFilter { Node = misfit.Address },
            new JobFilter { After = $"{first}" },
        })
        {
            await IsQuickAsync($"list {filter}", () => network.Client.ListJobsAsync(filter, CancellationToken.None));
        }

        await IsQuickAsync("look at the market", () => network.Client.GetMarketAsync(TestNetwork.Market, CancellationToken.None));
        await IsQuickAsync("look at a node", () => network.Client.GetNodeAsync(node.Address, CancellationToken.None));
        await IsQuickAsync("look at an account", () => network.Client.GetAccountAsync(network.ClientKey.Address, CancellationToken.None));
        await IsQuickAsync("keep order", () => network.PassAsync(TimeSpan.FromSeconds(1)));
        await IsQuickAsync("stop the last that waits", () => network.Client.StopAsync(last, CancellationToken.None));
        Assert.Equal(before, await WholeReadsAsync(network));
    }

    private static async Task FillAsync(TestNetwork network, Address node)
    {
        var numbers = $"with recursive n(i) as (select 1 union all select i + 1 from n where i < {Many}) select i from n";
        const string Columns = """
            job, market_id, poster, post_digest, definition, format, price, timeout, deposit, attempts, is_public, need_gpus, need_vram, need_cuda, need_memory, need_disk, need_cpus,
            posted_at, attempt, fence, control, last_event, version, state, outcome, ended_at, cost, refund, node, slot, run
            """;
        var definition = (await network.PostAsync()).Definition;
        string Job(string id, string rest) => $"insert into jobs ({Columns}) select {id}, 1, '{network.ClientKey.Address}', '', '{definition}', 0, 0, 600, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, {rest} from ({numbers}) as numbers";

        await network.SpoilAsync(Job($"'5uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtW' || {Digits}", $"1, 1, 0, 1, 1, 2, 0, 1, 0, 0, '{node}', '0', '6uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtW' || {Digits}"));
        await network.SpoilAsync("insert into job_events (job_id, sequence, body) select id, 1, '{\"kind\":\"job-stopping\"}' from jobs where state = 2");
        await network.SpoilAsync($"insert into runs (run, job_id, attempt, fence, node, slot, leased_at, ended_at, outcome, last_lines, is_archived) select run, id, 1, 1, node, slot, 0, 1, 'Succeeded', '{{\"one\":1}}', 1 from jobs where state = 2");
        await network.SpoilAsync(Job($"'4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtW' || {Digits}", "0, 0, 0, 0, 0, 0, null, null, null, null, null, null, null"));
    }

    private async Task IsQuickAsync(string what, Func<Task> act)
    {
        var took = new List<TimeSpan>();
        for (var round = 0; round < Rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            await act();
            took.Add(watch.Elapsed);
        }

        took.Sort();
        output.WriteLine($"{what}: {took[Rounds / 2].TotalMilliseconds:0.0} ms, at most {took[^1].TotalMilliseconds:0.0} ms");
        Assert.True(took[Rounds / 2] < Quick, $"To {what} took {took[Rounds / 2].TotalMilliseconds:0} ms.");
    }
}
