using System.Net;
using System.Net.Sockets;
using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Node.Runs;
using Berth.Testing.Runs;
using Xunit;
using static Berth.Testing.Runs.TestRun;

namespace Berth.Tests.Node.Runs;

/// <summary>What becomes of a job's operations: order, waiting, failing, stopping, restarting, and what is said about it.</summary>
public sealed class RunExecutorTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Operations_without_a_group_run_one_after_another_and_nothing_is_left_of_them()
    {
        using var run = Of(Op("first", "fake/lines-3"), Op("second", "fake/both-streams"), Op("third", "fake/exit-0"));

        var state = await run.ExecuteAsync();

        Assert.Equal(RunOutcome.Succeeded, state.Outcome);
        Assert.Equal(["first", "second", "third"], run.Events.OfType<ContainerStarted>().Select(started => started.Operation.Value));
        Assert.True(run.Operation("first").EndedAt <= run.Operation("second").StartedAt);
        Assert.Equal(["stdout line 1", "stdout line 2", "stdout line 3"], run.Log("first"));
        Assert.Equal(["stdout out", "stderr err"], run.Log("second"));
        Assert.Equal(run.Log("second"), run.Shown("second"));
        Assert.Empty(run.Engine.Left);
        Assert.Equal(Enumerable.Range(1, run.Events.Length).Select(number => (long)number), run.Events.Select(happened => happened.Number));
        Assert.Equal(run.Events.Length, RunJournal.Read(run.Folder.Journal).Count);
    }

    [Fact]
    public async Task A_run_has_ended_before_what_it_made_is_removed_and_what_stays_is_removed_when_it_is_executed_again()
    {
        using var run = Of(Op("one", "fake/exit-0"));
        run.Engine.FailNext("RemoveNetworkAsync", new EngineException(EngineFault.Failed, "In use."));
        run.Engine.FailNext("RemoveNetworkAsync", new EngineException(EngineFault.Failed, "In use."));

        var state = await run.ExecuteAsync();

        Assert.Equal(RunOutcome.Succeeded, state.Outcome);
        Assert.IsType<RunEnded>(run.Events[^2]);
        Assert.Contains("could not be removed", Assert.IsType<Notice>(run.Events[^1]).Message, StringComparison.Ordinal);
        Assert.Single(run.Engine.Left);

        Assert.Equal(RunOutcome.Succeeded, (await run.Again().ExecuteAsync()).Outcome);
        Assert.Empty(run.Engine.Left);
    }

    [Fact]
    public async Task Operations_of_one_group_run_side_by_side()
    {
        using var run = Of(Op("left", "fake/prints-then-sleeps", more: Group()), Op("right", "fake/prints-then-sleeps", more: Group()));
        var running = run.ExecuteAsync();

        await run.UntilRunsAsync("left");
        await run.UntilRunsAsync("right");
        run.Stop.Request(StopReason.StoppedByClient);

        Assert.Equal(RunOutcome.StoppedByClient, (await running).Outcome);
        Assert.All(run.State.Operations, operation => Assert.Equal((OperationOutcome.Stopped, 143, StopReason.StoppedByClient), (operation.Outcome, operation.End?.ExitCode, operation.End?.Reason)));
        Assert.Empty(run.Engine.Left);
    }

    [Fact]
    public async Task An_operation_starts_once_when_all_ports_of_all_it_depends_on_are_healthy()
    {
        using var run = Of(
            new Wishes { Hurries = TimeSpan.FromSeconds(5) },
            Op("service", "fake/prints-then-sleeps", $""" "expose": [{Checked(8081)}, {Checked(8082)}] """,
                """ "execution": { "group": "g", "stop_if_dependent_stops": true, "depends_on": ["client"] } """),
            Op("client", "fake/exit-0", more: Group()));
        var running = run.ExecuteAsync();
        var address = IPAddress.Parse((await run.UntilRunsAsync("service")).Address!);

        using var one = Answering(address, 8081);
        await run.UntilAsync<EndpointHealthChanged>(change => change.Port == "8081");
        Assert.DoesNotContain(run.Events, happened => happened is OperationStarting { Operation.Value: "client" });
        using var two = Answering(address, 8082);
        var state = await running;

        Assert.Equal(RunOutcome.Succeeded, state.Outcome);
        Assert.Single(run.Engine.Started, name => name == run.Container("client"));
        Assert.Equal((OperationOutcome.Stopped, StopReason.DependentEnded), (run.Operation("service").Outcome, run.Operation("service").End?.Reason));
    }

    [Fact]
    public async Task A_failure_stops_what_runs_beside_it_and_skips_the_rest()
    {
        using var run = Of(
            Op("server", "fake/prints-when-stopped", more: Group()),
            Op("broken", "fake/prints-then-sleeps", more: """ "execution": { "group": "g", "timeout": 1 } """),
            Op("never", "fake/ignores-stop", $""" "expose": [{Checked(80)}] """, Group()),
            Op("waiting", "fake/exit-0", more: """ "execution": { "group": "g", "depends_on": ["broken", "never"] } """),
            Op("later", "fake/exit-0"),
            Volume("unmade", "unmade"));
        var running = run.ExecuteAsync();
        await run.UntilRunsAsync("server");
        await run.UntilRunsAsync("never");

        await run.Clock.PassAsync(Second);
        await run.Clock.PassAsync(run.Request.Limits.StopGrace);
        var state = await running;

        Assert.Equal(RunOutcome.Failed, state.Outcome);
        Assert.Equal((OperationOutcome.Stopped, StopReason.JobFailed), (run.Operation("server").Outcome, run.Operation("server").End?.Reason));
        Assert.Equal(["stdout first", "stdout second"], run.Log("server"));
        Assert.Equal((OperationOutcome.Stopped, 137), (run.Operation("never").Outcome, run.Operation("never").End?.ExitCode));
        Assert.All(["waiting", "later", "unmade"], id => Assert.Equal(OperationOutcome.Skipped, run.Operation(id).Outcome));
        Assert.Equal(3, run.Engine.Created.Length);
        Assert.Empty(run.Engine.Left);
    }

    [Theory]
    [InlineData(2, RunOutcome.Failed, 3)]
    [InlineData(3, RunOutcome.Succeeded, 4)]
    public async Task On_failure_a_container_is_started_again_as_often_as_its_policy_says(int tries, RunOutcome outcome, int starts)
    {
        using var run = Of(
            new Wishes { Hurries = Second },
            Op("flaky", "fake/fails-3-times", $$""" "restart_policy": { "policy": "on-failure", "restart_tries": {{tries}} } """));

        var state = await run.ExecuteAsync();

        Assert.Equal(outcome, state.Outcome);
        Assert.Equal(starts, run.Engine.Started.Length);
        Assert.Equal(Enumerable.Range(1, starts).Select(start => $"stdout start {start}"), run.Log("flaky"));
    }

    [Theory]
    [InlineData("always")]
    [InlineData("unless-stopped")]
    public async Task A_container_that_is_always_to_be_started_again_is_with_ever_longer_pauses_until_it_is_stopped(string policy)
    {
        using var run = Of(Op("endless", "fake/exit-0", $""" "restart_policy": "{policy}" """));
        var running = run.ExecuteAsync();

        foreach (var pause in new[] { 0.1, 0.2, 0.4, 0.8 })
        {
            await run.Clock.PassAsync(TimeSpan.FromSeconds(pause));
        }

        await run.UntilAsync<ContainerStarting>(starting => starting.Delay == TimeSpan.FromSeconds(1.6));
        run.Stop.Request(StopReason.StoppedByClient);

        Assert.Equal(RunOutcome.StoppedByClient, (await running).Outcome);
        Assert.Equal(5, run.Engine.Started.Length);
    }

    [Fact]
    public async Task An_operation_out_of_time_fails_and_the_pull_does_not_count()
    {
        using var run = Of(new Wishes { Hurries = 6 * Second }, Op("slow", "fake/prints-then-sleeps", more: """ "execution": { "timeout": 8 } """), Op("after", "fake/exit-0"));
        for (var attempt = 0; attempt < 3; attempt++)
        {
            run.Engine.FailNext(nameof(IContainerEngine.PullAsync), new EngineException(EngineFault.RegistryUnavailable, "Could not pull: busy."));
        }

        var running = run.ExecuteAsync();
        await run.UntilRunsAsync("slow");
        await run.Clock.PassAsync(8 * Second);
        var state = await running;

        Assert.Equal(["Could not pull: busy. Trying again in 1 s.", "Could not pull: busy. Trying again in 2 s.", "Could not pull: busy. Trying again in 4 s."], run.Notices.Where(notice => notice.StartsWith("Could", StringComparison.Ordinal)));
        Assert.Equal(RunOutcome.Failed, state.Outcome);
        Assert.Equal("Operation 'slow' failed. Operation killed after exceeding its timeout of 8s", state.Message);
        Assert.Equal((143, StopReason.Expired), (run.Operation("slow").End?.ExitCode, run.Operation("slow").End?.Reason));
        Assert.Equal("node Operation killed after exceeding its timeout of 8s", run.Log("slow")[^1]);
    }

    [Fact]
    public async Task A_timeout_of_years_is_kept_too()
    {
        using var run = Of(new Wishes { Timeout = TimeSpan.FromDays(100) }, Op("patient", "fake/prints-then-sleeps", more: """ "execution": { "timeout": 300000000 } """));
        var running = run.ExecuteAsync();
        await run.UntilRunsAsync("patient");

        foreach (var days in new[] { 30, 30, 30, 10 })
        {
            Assert.Null(run.State.Stopping);
            await run.Clock.PassAsync(TimeSpan.FromDays(days));
        }

        Assert.Equal(RunOutcome.Expired, (await running).Outcome);
    }

    [Fact]
    public async Task A_job_out_of_time_is_expired_never_a_success()
    {
        using var run = Of(new Wishes { Timeout = TimeSpan.FromSeconds(90) }, Op("endless", "fake/prints-when-stopped"), Op("after", "fake/exit-0"));
        var running = run.ExecuteAsync();
        await run.UntilRunsAsync("endless");

        await run.Clock.PassAsync(TimeSpan.FromSeconds(90));
        var state = await running;

        Assert.Equal((RunOutcome.Expired, "The job's time of 90 s was up."), (state.Outcome, state.Message));
        Assert.Equal((OperationOutcome.Stopped, StopReason.Expired), (run.Operation("endless").Outcome, run.Operation("endless").End?.Reason));
        Assert.Equal(["stdout first", "stdout second"], run.Log("endless"));
        Assert.Equal(OperationOutcome.Skipped, run.Operation("after").Outcome);
    }

    [Fact]
    public async Task Stopping_gives_a_container_its_grace_and_hurrying_takes_it_away()
    {
        using var run = Of(Op("deaf", "fake/ignores-stop"));
        var running = run.ExecuteAsync();
        await run.UntilRunsAsync("deaf");

        run.Stop.Request(StopReason.StoppedByClient);
        await run.UntilAsync<RunStopping>();
        run.Stop.Hurry();

        Assert.Equal(RunOutcome.StoppedByClient, (await running).Outcome);
        Assert.Equal(137, run.Operation("deaf").End?.ExitCode);
    }

    [Fact]
    public async Task A_stop_that_comes_when_all_is_done_changes_nothing()
    {
        using var run = Of(Op("only", "fake/exit-0"));
        var running = run.ExecuteAsync();
        await run.UntilAsync<OperationEnded>();
        run.Stop.Request(StopReason.StoppedByClient);

        Assert.Equal(RunOutcome.Succeeded, (await running).Outcome);
    }

    [Fact]
    public async Task A_private_operation_is_named_by_the_endpoint_it_gets_and_nobody_can_derive_it()
    {
        using var run = Of(
            Op("tells", "fake/echo", """ "cmd": ["%%ops.serves.endpoint.8080%%"] """),
            Op("serves", "fake/prints-then-sleeps", """ "expose": 8080, "private": true """));

        var running = run.ExecuteAsync();
        var endpoint = (await run.UntilAsync<EndpointUp>()).EndpointId;
        run.Stop.Request(StopReason.StoppedByClient);
        await running;

        Assert.Equal([$"stdout {endpoint}.localhost"], run.Shown("tells"));
        Assert.NotEqual(EndpointId.For(1, "8080", run.Request.Job).Value, endpoint);
    }

    [Fact]
    public async Task Placeholders_are_filled_from_what_earlier_operations_left()
    {
        using var run = Of(
            Op("asks", "fake/lines-12", more: """ "results": { "answer": "line 12" } """),
            Op("answers", "fake/echo", """ "cmd": ["say", "%%ops.asks.results.answer%%"] """));

        await run.ExecuteAsync();

        Assert.Equal(["line 12"], run.Operation("asks").End!.Results["answer"].Matches);
        Assert.Equal(["stdout say line 12"], run.Log("answers"));
    }

    [Fact]
    public async Task A_placeholder_that_cannot_be_filled_fails_the_operation_with_its_place_and_nothing_is_started()
    {
        using var run = Of(
            Op("asks", "fake/exit-0", more: """ "results": { "answer": "nothing" } """),
            Op("answers", "fake/echo", """ "cmd": ["say", "%%ops.asks.container_ip%%"] """));

        var state = await run.ExecuteAsync();

        Assert.Equal((RunOutcome.Failed, OperationFault.Placeholder), (state.Outcome, run.Operation("answers").End?.Error?.Fault));
        Assert.Contains("$.ops[1].args.cmd[1]", state.Message, StringComparison.Ordinal);
        Assert.Single(run.Engine.Created);
        Assert.Single(run.Log("answers"));
    }

    [Theory]
    [InlineData(PullPolicy.Missing, false, 1)]
    [InlineData(PullPolicy.Missing, true, 0)]
    [InlineData(PullPolicy.Always, true, 1)]
    [InlineData(PullPolicy.Never, true, 0)]
    public async Task An_image_is_pulled_as_the_policy_says(PullPolicy policy, bool isPresent, int pulls)
    {
        using var run = Of(new Wishes { Pull = policy }, Op("only", "fake/exit-0"));
        if (isPresent)
        {
            run.Engine.AddImage("fake/exit-0");
        }

        Assert.Equal(RunOutcome.Succeeded, (await run.ExecuteAsync()).Outcome);
        Assert.Equal(pulls, run.Engine.Pulls);
        Assert.Equal(pulls == 1, Assert.Single(run.Events.OfType<ImageReady>()).Pulled);
    }

    [Theory]
    [InlineData("fake/missing", PullPolicy.Missing, OperationFault.ImageNotFound, 1)]
    [InlineData("fake/exit-0", PullPolicy.Never, OperationFault.ImageNotFound, 0)]
    [InlineData("fake/denied", PullPolicy.Missing, OperationFault.ImageDenied, 1)]
    [InlineData("fake/disk-full", PullPolicy.Missing, OperationFault.DiskFull, 1)]
    [InlineData("fake/registry-down", PullPolicy.Missing, OperationFault.RegistryUnavailable, 4)]
    [InlineData("fake/cannot-start", PullPolicy.Missing, OperationFault.CannotStart, 1)]
    [InlineData("fake/oom", PullPolicy.Missing, OperationFault.OutOfMemory, 1)]
    public async Task What_cannot_run_fails_with_its_kind_and_a_sentence_that_stands_in_the_log_too(string image, PullPolicy policy, OperationFault fault, int pulls)
    {
        using var run = Of(new Wishes { Pull = policy, Hurries = TimeSpan.FromSeconds(6) }, Op("only", image));

        var state = await run.ExecuteAsync();

        Assert.Equal((RunOutcome.Failed, fault), (state.Outcome, run.Operation("only").End?.Error?.Fault));
        Assert.Equal($"node {run.Operation("only").End?.Error?.Message}", Assert.Single(run.Log("only")));
        Assert.Equal(pulls, run.Engine.Pulls);
        Assert.Empty(run.Engine.Left);
    }

    [Fact]
    public async Task Volumes_are_the_runs_whether_an_operation_creates_them_or_only_mounts_them()
    {
        using var run = Of(
            Volume("make", "made"),
            Op("name", "fake/lines-1", more: """ "results": { "n": "line" } """),
            Op("use", "fake/exit-0", """ "volumes": [{ "name": "made", "dest": "/made" }, { "name": "just-%%ops.name.results.n%%", "dest": "/just" }] """));
        var state = await run.ExecuteAsync();

        Assert.Equal(RunOutcome.Succeeded, state.Outcome);
        Assert.Equal([$"berth-{run.Request.Run}-made", $"berth-{run.Request.Run}-just-line"], state.Volumes);
        Assert.Equal(state.Volumes, run.Engine.Created[^1].Volumes.Select(binding => binding.Volume));
        Assert.Empty(run.Engine.Left);
    }

    [Fact]
    public async Task A_volume_the_engine_refuses_fails_its_operation()
    {
        using var run = Of(Volume("make", "made"), Op("use", "fake/exit-0"));
        run.Engine.FailNext(nameof(IContainerEngine.CreateVolumeAsync), new EngineException(EngineFault.Refused, "Could not create volume made: no."));

        var state = await run.ExecuteAsync();

        Assert.Equal((RunOutcome.Failed, "Operation 'make' failed. Could not create volume made: no."), (state.Outcome, state.Message));
        Assert.Equal(OperationOutcome.Skipped, run.Operation("use").Outcome);
    }

    [Fact]
    public async Task An_engine_that_comes_back_finds_the_container_adopted_and_the_absence_is_said()
    {
        using var run = Of(Op("ticker", "fake/ticks-3"));
        var running = run.ExecuteAsync();
        await run.UntilWatchedAsync();

        run.Engine.GoDown();
        await run.Clock.UntilWaitedForAsync(Second / 10);
        run.Engine.ComeBack();
        run.Clock.Advance(Second / 10);
        await run.UntilAsync<Notice>(notice => notice.Message.Contains("was away for", StringComparison.Ordinal));
        for (var tick = 0; tick < 3; tick++)
        {
            await run.Clock.PassAsync(Second);
        }

        Assert.Equal(RunOutcome.Succeeded, (await running).Outcome);
        Assert.Equal(["stdout tick 1", "stdout tick 2", "stdout tick 3"], run.Log("ticker"));
        Assert.Single(run.Engine.Started);
    }

    [Fact]
    public async Task A_container_that_ended_while_the_engine_was_away_loses_the_run()
    {
        using var run = Of(Op("sleeper", "fake/sleeps-1"));
        var running = run.ExecuteAsync();
        await run.UntilWatchedAsync();

        run.Engine.GoDown();
        foreach (var pause in new[] { 0.1, 0.2, 0.4, 0.8 })
        {
            await run.Clock.PassAsync(TimeSpan.FromSeconds(pause));
        }

        await run.Clock.UntilWaitedForAsync(TimeSpan.FromSeconds(1.6));
        run.Engine.ComeBack();
        run.Clock.Advance(TimeSpan.FromSeconds(1.6));
        var state = await running;

        Assert.Equal((RunOutcome.Lost, "The container of sleeper ended while the engine was away; nobody can say how."), (state.Outcome, state.Message));
        Assert.Empty(run.Engine.Left);
    }

    [Fact]
    public async Task An_engine_that_never_comes_back_loses_the_run()
    {
        using var run = Of(
            new Wishes { Hurries = TimeSpan.FromSeconds(2), Limits = new RunLimits { EnginePatience = TimeSpan.FromMinutes(1) } },
            Op("sleeper", "fake/prints-then-sleeps"), Op("after", "fake/exit-0"));
        var running = run.ExecuteAsync();
        await run.UntilWatchedAsync();

        run.Engine.GoDown();
        var state = await running;

        Assert.Equal(RunOutcome.Lost, state.Outcome);
        Assert.StartsWith("The container engine did not come back within 60 s.", state.Message, StringComparison.Ordinal);
        Assert.Equal(OperationOutcome.Skipped, run.Operation("after").Outcome);
        Assert.Equal((OperationOutcome.Stopped, OperationFault.EngineUnreachable), (run.Operation("sleeper").Outcome, run.Operation("sleeper").End?.Error?.Fault));
        Assert.Contains(run.Notices, notice => notice.Contains("berth prune", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(9)]
    [InlineData(11)]
    public async Task A_disk_that_is_full_under_the_journal_loses_the_run_and_leaves_nothing(int events)
    {
        using var run = Of(Op("first", "fake/exit-0"), Op("second", "fake/prints-then-sleeps"));
        run.OpenJournal = path => new FullDisk(path, events);

        var running = run.ExecuteAsync();
        var state = await running;

        Assert.Equal(RunOutcome.Lost, state.Outcome);
        Assert.Contains("No space left", state.Message, StringComparison.Ordinal);
        Assert.Empty(run.Engine.Left);
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_loses_the_run_and_leaves_nothing()
    {
        using var run = Of(Op("first", "fake/exit-0"), Op("second", "fake/lines-3"));
        Directory.CreateDirectory(run.Folder.Log(1));

        Assert.Equal(RunOutcome.Lost, (await run.ExecuteAsync()).Outcome);
        Assert.Empty(run.Engine.Left);
    }

    [Theory]
    [InlineData(nameof(IContainerEngine.CreateAsync))]
    [InlineData(nameof(IContainerEngine.StartAsync))]
    [InlineData(nameof(IContainerEngine.CreateVolumeAsync))]
    public async Task An_answer_that_is_lost_on_the_way_starts_nothing_twice(string call)
    {
        using var run = Of(new Wishes { Hurries = Second }, Volume("make", "made"), Op("only", "fake/lines-2"));
        run.Engine.LoseNextAnswer(call);

        Assert.Equal(RunOutcome.Succeeded, (await run.ExecuteAsync()).Outcome);
        Assert.Single(run.Engine.Started);
        Assert.Single(run.Engine.Created);
        Assert.Equal(["stdout line 1", "stdout line 2"], run.Log("only"));
    }

    [Fact]
    public async Task A_log_past_the_runs_limit_gets_one_mark_and_the_job_goes_on()
    {
        using var run = Of(new Wishes { Limits = new RunLimits { LogTotal = 25, LogLine = 6 } }, Op("talks", "fake/lines-9"), Op("after", "fake/long-line-8"));

        Assert.Equal(RunOutcome.Succeeded, (await run.ExecuteAsync()).Outcome);
        Assert.Equal(
            ["stdout line 1", "stdout line 2", "stdout line 3", "stdout line 4", "node [berth: the run's log is full; what follows is left out]"],
            run.Log("talks"));
        Assert.Equal("node [berth: the run's log is full; what follows is left out]", Assert.Single(run.Log("after")));
        Assert.Equal(run.Log("talks"), run.Shown("talks"));
    }

    [Fact]
    public async Task A_line_past_its_limit_is_cut_with_a_mark()
    {
        using var run = Of(new Wishes { Limits = new RunLimits { LogLine = 6 } }, Op("talks", "fake/long-line-8", more: """ "results": { "x": "^x+.*" } """));

        await run.ExecuteAsync();

        Assert.Equal(["stdout xxxxxx [berth: line cut here, 2 more bytes left out]", "stdout end"], run.Log("talks"));
        Assert.Equal(["xxxxxx [berth: line cut here, 2 more bytes left out]"], run.Operation("talks").End!.Results["x"].Matches);
    }

    [Fact]
    public async Task Everything_made_carries_the_labels_and_a_container_what_isolation_wants()
    {
        using var run = Of(Op("only", "fake/exit-0", """ "env": { "NOSANA_ID": "mine", "A": "b" }, "aliases": ["db"] """));

        await run.ExecuteAsync();

        var spec = Assert.Single(run.Engine.Created);
        Assert.Equal([("berth.node", NodeName), ("berth.op", "only"), ("berth.run", run.Request.Run.Value)], spec.Labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => (label.Key, label.Value)));
        Assert.Equal([new("A", "b"), new("NOSANA_ID", run.Request.Job.Value)], spec.Env);
        Assert.Equal(["only", $"{run.Request.Job}-0", "db"], spec.NetworkAliases);
        Assert.Equal(1L << 30, spec.Limits.MemoryBytes);
    }

    [Fact]
    public async Task Output_is_copied_out_and_nothing_is_written_over()
    {
        using var run = Of(Op("writer", "fake/writes-output", """ "output": "/output" """));
        var mine = Path.Combine(Directory.CreateDirectory(Path.Combine(run.Request.OutputDirectory, "writer")).FullName, "result.txt");
        await File.WriteAllTextAsync(mine, "mine", TestContext.Current.CancellationToken);

        var state = await run.ExecuteAsync();

        Assert.Equal((RunOutcome.Failed, OperationFault.Output), (state.Outcome, run.Operation("writer").End?.Error?.Fault));
        Assert.Equal("mine", await File.ReadAllTextAsync(mine, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_run_that_has_ended_is_given_back_as_it_is()
    {
        using var run = Of(Op("only", "fake/exit-3"));
        await run.ExecuteAsync();

        var again = await run.Again().ExecuteAsync();

        Assert.Equal((RunOutcome.Failed, "Operation 'only' failed with exit code 3."), (again.Outcome, again.Message));
        Assert.Single(run.Engine.Started);
    }

    private static string Checked(int port) =>
        $$""" { "port": {{port}}, "health_checks": [{ "type": "http", "path": "/", "method": "GET", "expected_status": 200, "continuous": false }] } """;

    private static string Group() => """ "execution": { "group": "g" } """;

    private static TcpListener Answering(IPAddress address, int port)
    {
        var listener = new TcpListener(address, port);
        listener.Start();
        _ = AnswerAsync(listener);
        return listener;
    }

    private static async Task AnswerAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync();
                await client.GetStream().ReadAtLeastAsync(new byte[1024], 1);
                await client.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
            }
        }
        catch (Exception over) when (over is IOException or ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    /// <summary>A disk with room for so many events.</summary>
    private sealed class FullDisk(string path, int events) : FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 0)
    {
        private int _written;

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (++_written >= events)
            {
                throw new IOException("No space left on device");
            }

            base.Write(buffer);
        }
    }
}
