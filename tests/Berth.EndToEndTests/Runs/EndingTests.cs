using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>However a run is brought to an end, the exit code says so and nothing stays behind.</summary>
public sealed class EndingTests
{
    private const int Interrupt = 2;
    private const int Kill = 9;
    private const int Terminate = 15;

    private const string EndsWhenAsked = "trap 'echo asked; exit 0' TERM; echo up; while true; do usleep 50000; done";
    private const string NeverEnds = "trap '' TERM; echo up; while true; do usleep 50000; done";

    [Theory]
    [InlineData(Interrupt, 130)]
    [InlineData(Terminate, 143)]
    public async Task A_signal_stops_the_job_gracefully(int signal, int exitCode)
    {
        await using var desk = new Desk();
        await using var berth = desk.Start(Definition.Of(EndsWhenAsked, """{"volumes":[{"name":"v","dest":"/v"}]}"""), "--result", "result.json");
        await berth.SaysAsync("up");

        berth.Signal(signal);
        var said = (await berth.EndAsync()).Exited(exitCode);

        Assert.Equal(["up", "asked"], said.Lines);
        Assert.Contains("stopping", said.Error, StringComparison.Ordinal);
        Assert.Equal("stopped", desk.Result().GetProperty("status").GetString());
        await desk.LeavesNothingAsync();
    }

    [Fact]
    public async Task The_same_signal_twice_leaves_no_grace()
    {
        await using var desk = new Desk();
        await using var berth = desk.Start(Definition.Of(NeverEnds));
        await berth.SaysAsync("up");

        berth.Signal(Interrupt);
        await berth.TellsAsync("stopping");
        var since = System.Diagnostics.Stopwatch.StartNew();
        berth.Signal(Interrupt);
        (await berth.EndAsync()).Exited(130);

        Assert.InRange(since.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(9));
        await desk.LeavesNothingAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Stopping_while_containers_are_being_made_leaves_nothing(int signals)
    {
        await using var desk = new Desk();
        var job = new Definition();
        for (var number = 1; number <= 8; number++)
        {
            job.Then($"op{number}", "trap 'exit 0' TERM; while true; do usleep 50000; done", members: """{"execution":{"group":"g"}}""");
        }

        await using var berth = desk.Start(job);
        await berth.TellsAsync("started");
        for (var sent = 0; sent < signals; sent++)
        {
            berth.Signal(Interrupt);
            await berth.TellsAsync("stopping");
        }

        (await berth.EndAsync()).Exited(130);
        await desk.LeavesNothingAsync();
    }

    [Fact]
    public async Task A_run_whose_process_was_killed_is_taken_up_again_with_every_line_once()
    {
        await using var desk = new Desk();
        var job = Definition
            .Of("for n in $(seq 1 150); do echo line $n; usleep 40000; done", members: """{"results":{"last":"line 150","all":"line 1[0-9]\\b"}}""")
            .Then("next", "echo and the next");
        await using (var berth = desk.Start(job))
        {
            await berth.SaysAsync("line 20\n");
            berth.Signal(Kill);
            await berth.EndAsync();
        }

        Assert.True((bool)(await Engine.Shared.InspectAsync(desk.OnlyRun, 0))["State"]!["Running"]!);
        var said = (await desk.BerthAsync("run", "--resume", "last", "--result", "result.json")).Exited(0);

        Assert.Contains($"resuming run {desk.OnlyRun}", said.Error, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(1, 150).Select(number => $"line {number}"), desk.Log(0));
        Assert.Equal(["and the next"], desk.Log(1));
        var results = desk.Result().GetProperty("opStates")[0].GetProperty("results");
        Assert.Equal("line 150", Assert.Single(results.GetProperty("last").EnumerateArray()).GetString());
        Assert.Equal(10, results.GetProperty("all").GetArrayLength());
    }

    [Fact]
    public async Task Prune_removes_all_of_a_killed_run()
    {
        await using var desk = new Desk();
        await using (var berth = desk.Start(Definition.Of(NeverEnds, """{"volumes":[{"name":"v","dest":"/v"}]}""")))
        {
            await berth.SaysAsync("up");
            berth.Signal(Kill);
            await berth.EndAsync();
        }

        Assert.Equal(4, (await EngineLeftovers.OfAsync(Engine.Shared, desk.OnlyRun)).Count);
        var said = (await desk.BerthAsync("prune")).Exited(0);

        Assert.Equal(3, said.Lines.Length);
        await desk.LeavesNothingAsync();
        Assert.Equal("Nothing to remove.", (await desk.BerthAsync("prune")).Exited(0).Output.Trim());
        Assert.Contains("has ended already", (await desk.BerthAsync("run", "--resume", "last")).Exited(4).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_live_run_is_neither_pruned_nor_taken_over()
    {
        await using var desk = new Desk();
        await using var berth = desk.Start(Definition.Of(EndsWhenAsked));
        await berth.SaysAsync("up");

        Assert.Equal("Nothing to remove.", (await desk.BerthAsync("prune")).Exited(0).Output.Trim());
        Assert.Contains("alive in another process", (await desk.BerthAsync("run", "--resume", desk.OnlyRun.Value)).Exited(2).Error, StringComparison.Ordinal);

        berth.Signal(Terminate);
        (await berth.EndAsync()).Exited(143);
    }

    [Fact]
    public async Task Prune_forgets_the_logs_of_runs_that_ended_long_ago()
    {
        await using var desk = new Desk();
        (await desk.RunAsync(Definition.Of("echo once"))).Exited(0);

        (await desk.BerthAsync("prune")).Exited(0);
        Assert.Single(desk.Runs);
        Assert.Contains("Removed the logs of run", (await desk.BerthAsync("prune", "--keep", "0.001s")).Exited(0).Output, StringComparison.Ordinal);

        Assert.Empty(desk.Runs);
    }

    [Fact]
    public async Task There_is_nothing_to_resume_where_nothing_ran()
    {
        await using var desk = new Desk();

        var said = (await desk.BerthAsync("run", "--resume", "last")).Exited(2);

        Assert.Contains("there is no run last to resume", said.Error, StringComparison.Ordinal);
    }
}
