using System.Collections.Immutable;
using Berth.Jobs.Results;
using Berth.Testing.Market;
using Berth.Testing.Runs;
using Xunit;
using static Berth.Testing.Runs.TestNode;
using static Berth.Testing.Runs.TestRun;

namespace Berth.Tests.Node.Work;

/// <summary>A node's process may die at any write to a journal and at anything that passes between it and the market; its next process brings every job to one end, as if nothing had happened.</summary>
public sealed class NodeCrashTests
{
    private static readonly string Definition = Job(
        Volume("store", "store", """ "execution": { "group": "one" } """),
        Op("many", "fake/lines-1200", """ "volumes": [{ "name": "store", "dest": "/store" }] """,
            """ "execution": { "group": "one", "depends_on": ["store"] }, "results": { "tens": "^line (\\d+00)\n" } """),
        Op("stubborn", "fake/fails-2-times", """ "restart_policy": { "policy": "on-failure", "restart_tries": 3 } """, """ "execution": { "group": "one" } """),
        Op("both", "fake/both-streams", more: """ "execution": { "group": "one", "depends_on": ["many"] } """),
        Op("ticker", "fake/ticks-2"));

    [Fact]
    public async Task A_node_that_dies_at_any_write_to_a_journal_brings_the_job_to_one_end()
    {
        var smooth = await SmoothAsync();
        var deaths =
            from write in Enumerable.Range(1, smooth.Writes)
            from after in new[] { false, true }
            select new NodeDeath { Write = write, AfterWrite = after };
        await Parallel.ForEachAsync(deaths, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (death, _) => await SurvivesAsync(smooth, death));
    }

    [Fact]
    public async Task A_node_that_dies_at_anything_that_passes_between_it_and_the_market_brings_the_job_to_one_end()
    {
        var smooth = await SmoothAsync();
        var deaths = Enumerable.Range(1, smooth.Passed).Select(passing => new NodeDeath { Passing = passing });
        await Parallel.ForEachAsync(deaths, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (death, _) => await SurvivesAsync(smooth, death));
    }

    private static async Task<Smooth> SmoothAsync()
    {
        await using var node = Of();
        node.Market.Post(Definition);
        node.Start();
        var run = await node.UntilRunAsync(run => run.IsSettled);
        await node.UntilSaysAsync("done");
        Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);
        Assert.Equal(1200, run.Lines["many"].Count);
        return new Smooth(run.Events.Count, node.Passed, Lines(run), node.Engine.Created.Length, Starts(node));
    }

    private static async Task SurvivesAsync(Smooth smooth, NodeDeath death)
    {
        var at = death.Passing is { } passing ? $"passing {passing}" : $"{(death.AfterWrite ? "after" : "before")} write {death.Write}";
        await using var first = Of(new NodeWishes { Death = death });
        first.Market.Post(Definition);
        first.Start();
        await Task.WhenAny(first.EndAsync(), first.UntilRunAsync(run => run.IsSettled));
        var node = first.HasDied ? first.Successor().Start() : first;
        var run = await node.UntilRunAsync(run => run.IsSettled);
        if (node != first)
        {
            await node.UntilSaysAsync("Waiting for work");
        }

        node.Exit.Drain(within: null);
        await node.EndAsync();
        if (node == first && first.HasDied)
        {
            node = first.Successor().Start();
            await node.UntilSaysAsync("Waiting for work");
            node.Exit.Drain(within: null);
            await node.EndAsync();
        }

        Assert.True(run.State.Outcome == RunOutcome.Succeeded, $"{at}: {run.State.Outcome}, {run.State.Message}");
        Assert.True(node.Market.Violations.IsEmpty, $"{at}: {string.Join(" ", node.Market.Violations)}");
        Assert.True(node.Market.Runs.Count(one => one.IsSettled || one.IsAccepted) == 1, $"{at}: {node.Market.Runs.Length} runs");
        Assert.True(node.Engine.Left.IsEmpty, $"{at}: left {string.Join(", ", node.Engine.Left)}");
        Assert.True(smooth.Created == node.Engine.Created.Length, $"{at}: created {node.Engine.Created.Length} containers");
        Assert.True(smooth.Starts.SequenceEqual(Starts(node)), $"{at}: started {string.Join(", ", Starts(node))}");
        Assert.True(smooth.Lines.SequenceEqual(Lines(run)), $"{at}: {Lines(run).Length} lines");
        if (node != first)
        {
            await node.DisposeAsync();
        }
    }

    private static ImmutableArray<string> Lines(ScriptedRun run) =>
        [.. run.Lines.OrderBy(pair => pair.Key, StringComparer.Ordinal).SelectMany(pair => pair.Value.Select(line => $"{pair.Key} {line}"))];

    private static ImmutableArray<string> Starts(TestNode node) => [.. node.Engine.Started.Select(name => name[^1..]).Order(StringComparer.Ordinal)];

    private sealed record Smooth(int Writes, int Passed, ImmutableArray<string> Lines, int Created, ImmutableArray<string> Starts);
}
