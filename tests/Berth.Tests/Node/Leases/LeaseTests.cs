using Berth.Jobs.Results;
using Berth.Node.Leases;
using Berth.Node.Runs;
using Berth.Testing.Market;
using Berth.Testing.Runs;
using Xunit;
using static Berth.Testing.Runs.TestNode;
using static Berth.Testing.Runs.TestRun;

namespace Berth.Tests.Node.Leases;

/// <summary>A node works on a run for as long as it can prove that it is its own, and not a moment longer.</summary>
public sealed class LeaseTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task When_renewals_stop_the_containers_are_gone_before_the_lease_runs_out()
    {
        await using var node = Of();
        var run = await RunningAsync(node, Op("server", "fake/prints-then-sleeps"));
        var until = run.LeasedUntil;

        node.Market.GoAway();
        node.Clock.Advance(until - node.Clock.GetUtcNow() - (10 * Second));
        await node.UntilSaysAsync("Lost the lease");
        node.Exit.Drain(within: null);
        await node.EndAsync();

        Assert.Empty(node.Engine.Left);
        Assert.True(node.Clock.GetUtcNow() <= until);
        Assert.Equal(0, run.LateReports);
        Assert.Equal(LeaseStanding.Lost, StoredLease.Load(node.Folder(run))?.Standing);
    }

    [Fact]
    public async Task A_node_that_has_waited_longer_than_a_lease_may_be_accepted_takes_the_job_that_comes_then()
    {
        await using var node = Of(new NodeWishes { LeaseLength = 25 * Second, Hurries = Second });
        node.Start();
        await node.Market.UntilAsync(market => market.Calls.LastOrDefault() == MarketCall.Claim, Patience);
        node.Clock.Advance(29 * Second);

        node.Market.Post(Job(Op("late", "fake/lines-3")));

        var run = await node.UntilRunAsync(run => run.IsSettled);
        Assert.Equal((RunOutcome.Succeeded, 1), (run.State.Outcome, run.Lease.Attempt));
        Assert.Equal(["o line 1", "o line 2", "o line 3"], run.Lines["late"]);
        Assert.Single(node.Market.Runs);
        Assert.DoesNotContain(node.Said, line => line.Contains("no longer this node's", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_ignores_the_stop_is_killed_when_the_lease_runs_out()
    {
        await using var node = Of();
        var run = await RunningAsync(node, Op("stubborn", "fake/ignores-stop"));

        node.Market.GoAway();
        node.Clock.Advance(run.LeasedUntil - node.Clock.GetUtcNow() - (10 * Second));
        await node.UntilSaysAsync("Lost the lease");
        Assert.NotEmpty(node.Engine.Left);
        node.Clock.Advance(10 * Second);
        node.Market.ComeBack();
        await node.UntilRunAsync(next => next.Lease.Attempt == 2);

        Assert.Equal(RunOutcome.Lost, RunState.Of(RunJournal.Read(node.Folder(run).Journal)).Outcome);
        Assert.Equal(0, run.LateReports);
    }

    [Fact]
    public async Task Nothing_is_reported_of_a_run_that_was_taken_away()
    {
        await using var node = Of();
        var run = await RunningAsync(node, Op("server", "fake/prints-when-stopped"));

        node.Market.TakeAway(run.Lease.Run);
        await node.UntilSaysAsync("Lost the lease");
        var reports = node.Market.Calls.Count(call => call == MarketCall.Report);
        node.Exit.Drain(within: null);
        await node.EndAsync();

        Assert.Equal(reports, node.Market.Calls.Count(call => call == MarketCall.Report));
        Assert.Equal(["o first"], run.Lines["server"]);
        Assert.DoesNotContain(run.Events, happened => happened is RunStopping or RunEnded);
        Assert.Empty(node.Engine.Left);
    }

    [Fact]
    public async Task What_a_job_did_while_the_server_was_away_for_ten_minutes_is_delivered_after()
    {
        await using var node = Of(new NodeWishes { LeaseLength = TimeSpan.FromDays(40), Hurries = 30 * Second });
        node.Market.Post(Job(Op("ready", "fake/lines-1"), Op("ticker", "fake/ticks-300"), Op("after", "fake/lines-3")), timeoutSeconds: 1 << 28);
        node.Start();
        var run = await node.UntilRunAsync(run => run.Lines.Count > 0);
        var began = node.Clock.GetUtcNow();

        node.Market.GoAway();
        await node.Market.UntilAsync(market => market.Refused > 5 && node.Clock.GetUtcNow() - began > 10 * Minute, Patience);
        node.Market.ComeBack();
        await node.UntilRunAsync(run => run.IsSettled);

        Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);
        Assert.Equal(Enumerable.Range(1, 300).Select(tick => $"o tick {tick}"), run.Lines["ticker"]);
        Assert.Equal(["o line 1", "o line 2", "o line 3"], run.Lines["after"]);
        Assert.Empty(node.Market.Violations);
        Assert.Single(node.Market.Runs);
    }

    [Fact]
    public async Task The_owners_stop_reaches_the_run()
    {
        await using var node = Of();
        var run = await RunningAsync(node, Op("server", "fake/prints-when-stopped"));

        node.Market.AskToStop(run.Job.Id);
        await node.UntilRunAsync(run => run.IsSettled);

        Assert.Equal(RunOutcome.StoppedByClient, run.State.Outcome);
        Assert.Equal(["o first", "o second"], run.Lines["server"]);
    }

    [Fact]
    public async Task A_longer_timeout_reaches_the_run_and_its_next_process()
    {
        await using var node = Of(new NodeWishes { LeaseLength = 10 * Minute });
        node.Market.Post(Job(Op("server", "fake/prints-then-sleeps")), timeoutSeconds: 600);
        node.Start();
        var run = await node.UntilRunAsync(run => run.Lines.Count > 0);
        node.Market.Extend(run.Job.Id, 3000);
        await node.UntilRunAsync(run => run.Events.OfType<RunExtended>().Any());

        for (var passed = 0; passed < 3; passed++)
        {
            await node.Market.PassAndRenewAsync(node.Clock, 4 * Minute);
        }

        Assert.False(run.IsSettled);
        node.Kill();
        await using var next = node.Successor().Start();
        await next.UntilRunAsync(run => run.Events.OfType<RunResumed>().Any());
        while (!run.IsSettled)
        {
            await next.Market.PassAndRenewAsync(next.Clock, 4 * Minute);
        }

        Assert.Equal(RunOutcome.Expired, run.State.Outcome);
        Assert.Equal("The job's time of 3000 s was up.", run.State.Message);
        Assert.InRange((run.Events.OfType<RunStopping>().Single().At - run.State.StartedAt)!.Value, 50 * Minute, 58 * Minute);
        Assert.Single(run.Events.OfType<RunExtended>());
    }

    [Fact]
    public async Task A_node_that_was_killed_goes_on_with_its_run_within_the_lease()
    {
        await using var node = Of();
        var run = await RunningAsync(node, Op("greet", "fake/lines-3"), Op("server", "fake/prints-when-stopped"));
        await node.UntilRunAsync(run => run.Lines.ContainsKey("server"));

        node.Kill();
        await using var next = node.Successor().Start();
        await next.UntilRunAsync(run => run.Events.OfType<RunResumed>().Any());
        next.Market.AskToStop(run.Job.Id);
        await next.UntilRunAsync(run => run.IsSettled);

        Assert.Equal(["o first", "o second"], run.Lines["server"]);
        Assert.Equal(2, next.Engine.Created.Length);
        Assert.Single(next.Market.Runs);
        await AssertGoneAsync(next);
    }

    [Fact]
    public async Task A_node_that_was_away_for_longer_than_its_lease_gives_the_run_up_and_removes_what_it_made()
    {
        await using var node = Of();
        var run = await RunningAsync(node, Op("server", "fake/prints-then-sleeps"));

        node.Kill();
        node.Clock.Advance(3 * Minute);
        await using var next = node.Successor().Start();
        await next.UntilSaysAsync($"Job {run.Job.Id} is no longer this node's");
        await next.UntilSaysAsync($"Removed container berth-{run.Lease.Run}-0");
        var second = await next.UntilRunAsync(again => again.Lease.Attempt == 2 && again.Lines.Count > 0);

        Assert.Equal(0, run.LateReports);
        next.Market.AskToStop(second.Job.Id);
        await next.UntilRunAsync(run => run.IsSettled);
        await AssertGoneAsync(next);
    }

    [Fact]
    public async Task After_the_machines_own_restart_the_market_is_asked_before_anything_is_done()
    {
        await using var node = Of();
        var run = await RunningAsync(node, Op("server", "fake/prints-then-sleeps"));
        node.Kill();

        var before = node.Market.Calls.Length;
        node.Market.FailNext(MarketCall.Renew, System.Net.HttpStatusCode.ServiceUnavailable, 2);
        await using var next = node.Successor(new NodeWishes { BootId = "another-boot" }).Start();
        await next.UntilRunAsync(run => run.Events.OfType<RunResumed>().Any());

        Assert.Equal(
            [MarketCall.Renew, MarketCall.Renew, MarketCall.Renew, MarketCall.Report],
            next.Market.Calls[before..].Where(call => call is MarketCall.Renew or MarketCall.Report).Take(4));
        Assert.Single(next.Market.Runs);
        Assert.False(run.IsLost);
    }

    [Fact]
    public async Task A_run_that_ended_is_told_of_after_its_lease_as_long_as_the_market_takes_it()
    {
        var greeting = Job(Op("greet", "fake/lines-3"));
        await using var smooth = Of();
        smooth.Market.Post(greeting);
        var events = (await smooth.Start().UntilRunAsync(run => run.IsSettled)).Events.Count;
        await using var node = Of(new NodeWishes { Death = new NodeDeath { Write = events, AfterWrite = true } });
        node.Market.Post(greeting);
        await node.Start().EndAsync();
        var run = Assert.Single(node.Market.Runs);
        run.LeasedUntil += TimeSpan.FromHours(1);
        node.Clock.Advance(30 * Minute);

        await using var next = node.Successor().Start();
        await next.UntilRunAsync(run => run.IsSettled);

        Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);
        Assert.Equal(["o line 1", "o line 2", "o line 3"], run.Lines["greet"]);
    }

    [Fact]
    public async Task What_a_dead_machine_forgot_and_the_market_knows_is_not_numbered_again()
    {
        await using var node = Of();
        var run = await RunningAsync(node, Op("server", "fake/prints-when-stopped"));
        node.Kill();
        await using var next = node.Successor(new NodeWishes { BootId = "another-boot" });
        var journal = next.Folder(run).Journal;
        var lines = File.ReadAllLines(journal);
        File.WriteAllLines(journal, lines[..^2]);

        next.Start();
        await next.UntilRunAsync(run => run.Events.OfType<RunResumed>().Any());
        next.Market.AskToStop(run.Job.Id);
        await next.UntilRunAsync(run => run.IsSettled);

        Assert.Equal(lines.Length + 1, run.Events.OfType<RunResumed>().Single().Number);
        Assert.Empty(next.Market.Violations);
    }

    [Fact]
    public async Task Passwords_of_registries_are_not_kept_and_are_fetched_again_when_needed()
    {
        var wishes = new NodeWishes { Death = new NodeDeath { Write = 3, AfterWrite = true } };
        await using var node = Of(wishes);
        node.Market.Post(Job(Op("mine", "fake/private", """ "authentication": { "docker": { "username": "me", "password": "secret" } } """)));
        node.Start();
        await node.EndAsync();
        Assert.True(node.HasDied);
        await using var next = node.Successor();
        Assert.DoesNotContain("secret", File.ReadAllText(next.Folder(node.Market.Runs[0]).Lease), StringComparison.Ordinal);

        next.Start();
        var run = await next.UntilRunAsync(run => run.IsSettled);

        Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);
        Assert.Contains(MarketCall.Definition, next.Market.Calls);
    }

    private static async Task<ScriptedRun> RunningAsync(TestNode node, params string[] operations)
    {
        node.Market.Post(Job(operations));
        node.Start();
        return await node.UntilRunAsync(run => run.State.Operations.Any(operation => operation.Phase == OperationPhase.Running) && run.Lines.Count > 0);
    }

    private static async Task AssertGoneAsync(TestNode node)
    {
        node.Exit.Drain(within: null);
        await node.EndAsync();
        Assert.Empty(node.Engine.Left);
        Assert.Empty(node.Market.Violations);
    }
}
