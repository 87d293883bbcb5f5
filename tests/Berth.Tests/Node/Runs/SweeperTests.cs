using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Node.Runs;
using Berth.Testing.Runs;
using Xunit;
using static Berth.Testing.Runs.TestRun;

namespace Berth.Tests.Node.Runs;

/// <summary>The sweeper removes what no live run owns, and nothing else.</summary>
public sealed class SweeperTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_dead_process_left_is_removed_and_its_run_closed_as_lost()
    {
        using var run = Of(new Wishes { Crash = new CrashPoint(8, Before: false) }, Volume("make", "made"), Op("server", "fake/prints-then-sleeps"));
        await run.ExecuteAsync();
        Assert.NotEmpty(run.Engine.Left);
        var told = new List<string>();
        var successor = run.Successor();

        var isClean = await SweeperOf(successor).SweepAsync(TimeSpan.FromDays(1), told.Add, Ct);

        Assert.True(isClean);
        Assert.Empty(run.Engine.Left);
        Assert.Contains($"Removed volume berth-{run.Request.Run}-made.", told);
        Assert.Equal(RunOutcome.Lost, RunState.Of(RunJournal.Read(successor.Folder.Journal)).Outcome);
    }

    [Fact]
    public async Task A_live_run_and_what_belongs_to_another_node_are_left_alone()
    {
        using var run = Of(Op("server", "fake/prints-then-sleeps"));
        await run.Engine.CreateVolumeAsync(new VolumeSpec("theirs", new RunNames("another-node", RunId.New(), JobId.New()).Labels()), Ct);
        var running = run.ExecuteAsync();
        await run.UntilRunsAsync("server");
        var before = run.Engine.Left;

        await SweeperOf(run).SweepAsync(TimeSpan.Zero, told => Assert.Fail(told), Ct);

        Assert.Equal(before, run.Engine.Left);
        Assert.Null(run.State.Outcome);
        run.Stop.Request(StopReason.StoppedByClient);
        await running;
        Assert.Equal(["theirs"], run.Engine.Left);
    }

    [Fact]
    public async Task What_cannot_be_removed_is_told_and_the_rest_goes_on()
    {
        using var run = Of(Op("only", "fake/exit-0"));
        var names = new RunNames(NodeName, RunId.New(), JobId.New());
        foreach (var volume in new[] { "a", "b" })
        {
            await run.Engine.CreateVolumeAsync(new VolumeSpec(volume, names.Labels()), Ct);
        }

        run.Engine.FailNext(nameof(IContainerEngine.RemoveVolumeAsync), new EngineException(EngineFault.Refused, "volume is in use."));
        var told = new List<string>();

        Assert.False(await SweeperOf(run).SweepAsync(TimeSpan.FromDays(1), told.Add, Ct));

        Assert.Single(run.Engine.Left);
        Assert.Equal(2, told.Count);
        Assert.Contains(told, words => words.StartsWith("Could not remove volume", StringComparison.Ordinal) && words.EndsWith("volume is in use.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Folders_of_runs_that_ended_long_ago_are_removed()
    {
        using var run = Of(Op("only", "fake/exit-0"));
        await run.ExecuteAsync();

        run.Clock.Advance(TimeSpan.FromDays(6));
        await SweeperOf(run).SweepAsync(TimeSpan.FromDays(7), _ => { }, Ct);
        Assert.True(Directory.Exists(run.Folder.Path));

        run.Clock.Advance(TimeSpan.FromDays(2));
        await SweeperOf(run).SweepAsync(TimeSpan.FromDays(7), _ => { }, Ct);
        Assert.False(Directory.Exists(run.Folder.Path));
    }

    private static Sweeper SweeperOf(TestRun run) => new(run.Engine, NodeName, run.StateDirectory, run.Clock);
}
