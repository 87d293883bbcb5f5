using System.Net;
using System.Net.Sockets;
using Berth.Jobs.Results;
using Berth.Node.Runs;
using Berth.Testing.Runs;
using Xunit;
using static Berth.Testing.Runs.TestRun;

namespace Berth.Tests.Node.Runs;

/// <summary>What a process that goes on with a run must make of what the dead one left, beyond what a run that goes well shows.</summary>
public sealed class ResumeTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task An_operation_that_runs_goes_on_though_what_it_depended_on_was_stopped_meanwhile()
    {
        using var run = Dying(
            "service",
            Op("service", "fake/prints-then-sleeps", more: """ "execution": { "group": "g", "depends_on": ["quick", "slow"], "stop_if_dependent_stops": true } """),
            Op("quick", "fake/sleeps-1", more: """ "execution": { "group": "g" } """),
            Op("slow", "fake/ticks-20", more: """ "execution": { "group": "g" } """));
        var running = run.ExecuteAsync();
        await run.UntilRunsAsync("quick");
        await run.UntilRunsAsync("slow");
        await run.Clock.PassAsync(Second);
        await running;
        var successor = run.Successor();

        var resumed = successor.ExecuteAsync();
        await successor.UntilAsync<RunResumed>();
        for (var tick = 0; tick < 20; tick++)
        {
            await run.Clock.PassAsync(Second);
        }

        Assert.Equal(RunOutcome.Succeeded, (await resumed).Outcome);
        var state = RunState.Of(RunJournal.Read(successor.Folder.Journal));
        Assert.Equal([OperationOutcome.Stopped, OperationOutcome.Succeeded, OperationOutcome.Succeeded], state.Operations.OrderBy(operation => operation.Id.Value != "service").ThenBy(operation => operation.Id.Value).Select(operation => operation.Outcome));
        Assert.Equal(20, successor.Log("slow").Length);
    }

    [Fact]
    public async Task A_container_that_was_killed_for_its_time_failed_for_its_time()
    {
        using var run = Dying<ContainerExited>(Op("slow", "fake/prints-then-sleeps", more: """ "execution": { "timeout": 8 } """));
        var running = run.ExecuteAsync();
        await run.UntilRunsAsync("slow");
        await run.Clock.PassAsync(8 * Second);
        await running;

        var state = await run.Successor().ExecuteAsync();

        Assert.Equal("Operation 'slow' failed. Operation killed after exceeding its timeout of 8s", RunState.Of(RunJournal.Read(run.Successor().Folder.Journal)).Message);
        Assert.Equal(RunOutcome.Failed, state.Outcome);
    }

    [Fact]
    public async Task A_container_that_ended_in_time_did_though_nobody_looked_for_long()
    {
        using var run = Dying<ContainerStarted>(Op("short", "fake/sleeps-1", more: """ "execution": { "timeout": 8 } """));
        await run.ExecuteAsync();
        run.Clock.Advance(Second);
        run.Clock.Advance(TimeSpan.FromHours(1));

        Assert.Equal(RunOutcome.Succeeded, (await run.Successor().ExecuteAsync()).Outcome);
    }

    [Fact]
    public async Task A_run_that_was_being_stopped_is_stopped_with_all_its_containers_said()
    {
        using var run = Dying<RunStopping>(Op("server", "fake/prints-when-stopped"));
        var running = run.ExecuteAsync();
        await run.UntilRunsAsync("server");
        run.Stop.Request(StopReason.StoppedByClient);
        await running;
        var successor = run.Successor();

        Assert.Equal(RunOutcome.StoppedByClient, (await successor.ExecuteAsync()).Outcome);
        Assert.Equal(["stdout first", "stdout second"], successor.Log("server"));
        Assert.Empty(run.Engine.Left);
    }

    [Fact]
    public async Task Why_an_operation_failed_stands_in_its_log_once()
    {
        using var run = Dying<OperationEnded>(before: true, new Wishes(), Op("broken", "fake/oom"));
        await run.ExecuteAsync();
        var successor = run.Successor();

        await successor.ExecuteAsync();

        Assert.StartsWith("node Killed for using more memory", Assert.Single(successor.Log("broken")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_log_stays_full_and_has_one_mark()
    {
        var limits = new Wishes { Limits = new RunLimits { LogTotal = 8 } };
        using var run = Dying<ContainerExited>(before: true, limits, Op("talks", "fake/lines-4"));
        await run.ExecuteAsync();
        var successor = run.Successor();

        await successor.ExecuteAsync();

        Assert.Equal(["stdout line 1", "node [berth: the run's log is full; what follows is left out]"], successor.Log("talks"));
    }

    [Fact]
    public async Task What_earlier_operations_kept_of_the_log_counts()
    {
        var limits = new Wishes { Limits = new RunLimits { LogTotal = 13 } };
        using var run = Dying<OperationEnded>(before: false, limits, Op("first", "fake/lines-1"), Op("second", "fake/lines-2"));
        await run.ExecuteAsync();
        var successor = run.Successor();

        await successor.ExecuteAsync();

        Assert.Equal(["stdout line 1", "node [berth: the run's log is full; what follows is left out]"], successor.Log("second"));
    }

    [Fact]
    public async Task A_service_that_fails_its_checks_too_often_is_let_go_on_with_a_word()
    {
        using var run = Of(
            new Wishes { Hurries = TimeSpan.FromSeconds(5), Limits = new RunLimits { Health = new HealthPace(Second, Second, Second) } },
            Service(mostRestarts: 0));
        var running = run.ExecuteAsync();
        await AnswerOnceAsync(run);

        await run.UntilAsync<Notice>(notice => notice.Message.Contains("goes on as it is", StringComparison.Ordinal));
        Assert.Equal(EndpointHealth.Offline, Assert.Single(run.Operation("service").Endpoints).Health);
        Assert.Single(run.Engine.Started);
        run.Stop.Request(StopReason.StoppedByClient);
        await running;
    }

    [Theory]
    [InlineData("container-failing", false)]
    [InlineData("container-exited", true)]
    [InlineData("container-exited", false)]
    [InlineData("container-starting", true)]
    public async Task A_service_that_failed_its_checks_is_started_again_though_the_process_died_over_it(string dying, bool before)
    {
        var crash = new CrashPoint(1, before)
        {
            At = happened => dying switch
            {
                "container-failing" => happened is ContainerFailing,
                "container-exited" => happened is ContainerExited,
                _ => happened is ContainerStarting { Restart: 1 },
            },
        };
        using var run = Of(new Wishes { Hurries = TimeSpan.FromSeconds(5), Limits = new RunLimits { Health = new HealthPace(Second, Second, Second) }, Crash = crash }, Service(mostRestarts: 1));
        var running = run.ExecuteAsync();
        await AnswerOnceAsync(run);
        await running;
        var successor = run.Successor();

        var resumed = successor.ExecuteAsync();
        await successor.UntilRunsAsync("service");
        successor.Stop.Request(StopReason.StoppedByClient);
        await resumed;

        Assert.Equal(2, run.Engine.Started.Length);
        Assert.Equal(1, RunState.Of(RunJournal.Read(successor.Folder.Journal)).Operations[0].Restart);
    }

    private static string Service(int mostRestarts) => Op("service", "fake/prints-then-sleeps", $$"""
        "expose": [{ "port": 8090, "health_checks": [{ "type": "http", "path": "/", "method": "GET", "expected_status": 200, "continuous": true, "restart_on_failure": true, "max_restarts": {{mostRestarts}} }] }]
        """);

    // Healthy once and never again.
    private static async Task AnswerOnceAsync(TestRun run)
    {
        var address = IPAddress.Parse((await run.UntilRunsAsync("service")).Address!);
        using var listener = new TcpListener(address, 8090);
        listener.Start();
        using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        await run.UntilAsync<EndpointHealthChanged>(change => change.Health == EndpointHealth.Online);
    }

    private static TestRun Dying<T>(params string[] operations)
        where T : RunEvent => Dying<T>(before: false, new Wishes(), operations);

    private static TestRun Dying<T>(bool before, Wishes wishes, params string[] operations)
        where T : RunEvent => Of(wishes with { Crash = new CrashPoint(1, before) { At = happened => happened is T } }, operations);

    private static TestRun Dying(string ended, params string[] operations) =>
        Of(new Wishes { Crash = new CrashPoint(1, Before: false) { At = happened => happened is OperationEnded end && end.Operation.Value == ended } }, operations);
}
