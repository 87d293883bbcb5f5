using System.Net;
using Berth.Jobs.Results;
using Berth.Node.Capacity;
using Berth.Node.Leases;
using Berth.Testing.Market;
using Berth.Testing.Resources;
using Berth.Testing.Runs;
using Xunit;
using static Berth.Testing.Runs.TestNode;
using static Berth.Testing.Runs.TestRun;

namespace Berth.Tests.Node.Work;

/// <summary>What a node does from its start until it leaves, seen from its market and its engine.</summary>
public sealed class NodeLoopTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task A_node_registers_takes_a_job_reports_all_of_it_and_asks_for_the_next()
    {
        await using var node = Of();
        var first = node.Market.Post(Job(Op("greet", "fake/lines-3"), Op("both", "fake/both-streams")));
        node.Start();
        var run = await node.UntilRunAsync(run => run.IsSettled);
        node.Market.Post(Job(Op("again", "fake/exit-0")));
        await node.UntilRunAsync(next => next.IsSettled && next != run);

        Assert.Equal(first, run.Job.Id);
        Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);
        Assert.Equal(["o line 1", "o line 2", "o line 3"], run.Lines["greet"]);
        Assert.Equal(["o out", "e err"], run.Lines["both"]);
        Assert.Equal(Enumerable.Range(1, run.Events.Count).Select(number => (long)number), run.Events.Select(happened => happened.Number));
        await node.UntilSaysAsync($"Took job {first}");
        await node.UntilSaysAsync($"Job {first} done");
        await AssertGoneAsync(node);
    }

    [Fact]
    public async Task The_machine_is_registered_as_it_was_measured()
    {
        await using var node = Of();
        node.Start();
        await node.UntilSaysAsync("Waiting for work in market test-market as " + Address);

        var registration = node.Market.Registration!;
        Assert.Equal((8, 32768L, "Docker 28.0.0-fake"), (registration.Machine.Cpus, registration.Machine.MemoryMib, registration.Machine.Engine));
        var slot = Assert.Single(registration.Slots);
        Assert.Equal(("0", 8, 29_491L), (slot.Slot, slot.Cpus, slot.MemoryMib));
    }

    [Fact]
    public async Task Slots_work_side_by_side_on_equal_shares_of_the_machine()
    {
        await using var node = Of(new NodeWishes { Slots = [GpuChoice.None, GpuChoice.None] });
        node.Market.Post(Job(Op("left", "fake/prints-then-sleeps")));
        node.Market.Post(Job(Op("right", "fake/prints-then-sleeps")));
        node.Start();
        await node.Market.UntilAsync(market => market.Runs.Count(run => run.Lines.Count > 0) == 2, Patience);

        Assert.Equal(["0", "1"], node.Market.Runs.Select(run => run.Lease.Slot).Order());
        Assert.All(node.Engine.Created, made => Assert.Equal((4.0, 14_745L), (made.Limits.Cpus, made.Limits.MemoryBytes >> 20)));
        Assert.Equal(2, node.Status.Slots.Count(slot => slot.Job is not null));
        node.Exit.Stop();
        await node.EndAsync();
        Assert.Empty(node.Engine.Left);
    }

    [Fact]
    public async Task A_claim_whose_answer_was_lost_is_repeated_and_gets_the_same_lease()
    {
        await using var node = Of();
        node.Market.LoseNextAnswer(MarketCall.Claim);
        node.Market.Post(Job(Op("only", "fake/exit-0")));
        node.Start();
        await node.UntilRunAsync(run => run.IsSettled);

        Assert.Single(node.Market.Runs);
        Assert.Equal(2, node.Market.Calls.TakeWhile(call => call != MarketCall.Renew).Count(call => call == MarketCall.Claim));
        await AssertGoneAsync(node);
    }

    [Fact]
    public async Task Every_answer_may_be_lost_once()
    {
        await using var node = Of();
        foreach (var call in Enum.GetValues<MarketCall>())
        {
            node.Market.LoseNextAnswer(call);
            node.Market.FailNext(call, HttpStatusCode.InternalServerError, 2);
        }

        node.Market.Post(Job(Op("greet", "fake/lines-3")));
        node.Start();
        var run = await node.UntilRunAsync(run => run.IsSettled);

        Assert.Single(node.Market.Runs);
        Assert.Equal(["o line 1", "o line 2", "o line 3"], run.Lines["greet"]);
        Assert.Contains(node.Said, said => said.Contains("Lost the server", StringComparison.Ordinal));
        Assert.Contains(node.Said, said => said.Contains("The server is back", StringComparison.Ordinal));
        await AssertGoneAsync(node);
    }

    [Fact]
    public async Task Required_images_are_fetched_before_work_is_asked_for()
    {
        await using var node = Of(new NodeWishes { Hurries = TimeSpan.FromSeconds(10) });
        node.Market.RequiredImages = ["fake/exit-0", "fake/registry-down-twice"];
        node.Start();
        await node.UntilSaysAsync("Waiting for work");

        Assert.Equal(["fake/exit-0", "fake/registry-down-twice"], node.Engine.Images);
        Assert.Contains(node.Said, said => said.EndsWith("Fetched fake/registry-down-twice.", StringComparison.Ordinal));
        Assert.DoesNotContain(MarketCall.Claim, node.Market.Calls.TakeWhile(call => call != MarketCall.Look));
    }

    [Fact]
    public async Task Required_resources_are_fetched_before_work_is_asked_for_and_kept_whatever_else_comes()
    {
        await using var server = new FileServer();
        await using var node = Of(new NodeWishes { Hurries = TimeSpan.FromSeconds(10) });
        node.Market.RequiredResources = [$$"""{ "type": "HTTP", "url": "{{server.Serve("/model", "weights")}}" }""", """{ "type": "Quantum" }"""];
        node.Start();
        await node.UntilSaysAsync("Waiting for work");

        var entry = Assert.Single(node.Resources.Cache.List());
        Assert.True(node.Resources.Cache.IsRequired(entry.Key));
        Assert.False(node.Resources.Cache.TryRemove(entry));
        Assert.Contains(node.Said, said => said.Contains("cannot read, so it is not fetched", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{ "version": "0.1", "type": "container" }""", "cannot read the definition")]
    [InlineData("not a definition", "cannot read the definition")]
    [InlineData("""{ "version": "0.1", "type": "container", "ops": [{ "type": "container/run", "id": "g", "args": { "image": "fake/exit-0", "gpu": true } }] }""", "needs a GPU")]
    public async Task What_a_node_cannot_do_it_refuses_with_the_reason(string definition, string why)
    {
        await using var node = Of();
        node.Market.Post(definition);
        node.Start();
        var run = await node.UntilRunAsync(run => run.IsSettled);

        Assert.Equal(RunOutcome.Refused, run.State.Outcome);
        Assert.Contains(why, run.State.Message, StringComparison.Ordinal);
        Assert.Equal(0, node.Engine.Pulls);
        await AssertGoneAsync(node);
    }

    [Fact]
    public async Task A_definition_that_is_not_the_one_with_its_content_id_is_refused()
    {
        await using var node = Of();
        node.Market.Post(Job(Op("only", "fake/exit-0")), definitionId: "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n");
        node.Start();
        var run = await node.UntilRunAsync(run => run.IsSettled);

        Assert.Equal(RunOutcome.Refused, run.State.Outcome);
        Assert.Contains("content id", run.State.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_yaml_definition_runs()
    {
        await using var node = Of();
        node.Market.Post("version: '0.1'\ntype: container\nops:\n  - type: container/run\n    id: only\n    args:\n      image: fake/lines-1\n", format: Berth.Protocol.DefinitionFormat.Yaml);
        node.Start();

        Assert.Equal(RunOutcome.Succeeded, (await node.UntilRunAsync(run => run.IsSettled)).State.Outcome);
    }

    [Fact]
    public async Task A_draining_node_finishes_what_it_has_takes_nothing_new_and_leaves()
    {
        await using var node = Of();
        node.Market.Post(Job(Op("short", "fake/ticks-30")));
        node.Start();
        var run = await node.UntilRunAsync(run => run.Events.OfType<ContainerStarted>().Any());
        node.Exit.Drain(within: null);
        node.Market.Post(Job(Op("other", "fake/exit-0")));
        await node.EndAsync();

        Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);
        Assert.Single(node.Market.Runs);
        Assert.True(node.Market.Registration!.IsDraining);
        Assert.Empty(node.Engine.Left);
        Assert.Empty(node.Market.Violations);
    }

    [Fact]
    public async Task A_drain_that_takes_too_long_hands_the_job_back()
    {
        await using var node = Of(new NodeWishes { LeaseLength = TimeSpan.FromMinutes(10) });
        node.Market.Post(Job(Op("endless", "fake/prints-then-sleeps")));
        node.Start();
        var run = await node.UntilRunAsync(run => run.Lines.Count > 0);
        node.Exit.Drain(within: TimeSpan.FromMinutes(10));
        await node.Market.UntilAsync(market => market.Registration!.IsDraining, Patience);
        Assert.Null(run.State.Outcome);
        await node.Market.PassAndRenewAsync(node.Clock, TimeSpan.FromMinutes(4));
        await node.Market.PassAndRenewAsync(node.Clock, TimeSpan.FromMinutes(4));
        Assert.Null(run.State.Outcome);
        await node.Market.PassAndRenewAsync(node.Clock, TimeSpan.FromMinutes(2));

        await node.EndAsync();

        Assert.Equal(RunOutcome.Lost, run.State.Outcome);
        Assert.Equal("The node went down.", run.State.Message);
        Assert.Empty(node.Engine.Left);
    }

    [Fact]
    public async Task A_node_that_must_leave_while_the_server_is_away_leaves_the_rest_to_its_next_process()
    {
        await using var node = Of(new NodeWishes { LeaseLength = TimeSpan.FromHours(100) });
        node.Market.Post(Job(Op("greet", "fake/lines-3"), Op("endless", "fake/prints-then-sleeps")));
        node.Start();
        var run = await node.UntilRunAsync(run => run.Lines.ContainsKey("endless"));
        node.Market.GoAway();
        node.Exit.Stop();
        var leaving = node.EndAsync();
        while (!leaving.IsCompleted)
        {
            await Task.WhenAny(leaving, node.Clock.PassAsync(30 * Second));
        }

        await leaving;
        Assert.False(run.IsSettled);
        node.Market.ComeBack();

        await using var next = node.Again().Start();
        await next.UntilRunAsync(run => run.IsSettled);

        Assert.Equal(RunOutcome.Lost, run.State.Outcome);
        Assert.Equal(["o line 1", "o line 2", "o line 3"], run.Lines["greet"]);
        await AssertGoneAsync(next);
    }

    [Fact]
    public async Task Another_agent_with_the_same_key_takes_over()
    {
        await using var first = Of();
        first.Start();
        await first.UntilSaysAsync("Waiting for work");
        first.Clock.Advance(Second);

        await using var second = first.Successor().Start();
        await second.UntilSaysAsync("Waiting for work");
        var refused = await Assert.ThrowsAsync<Berth.Node.Work.NodeRefusedException>(first.EndAsync);
        second.Market.Post(Job(Op("one", "fake/exit-0")));
        await second.UntilRunAsync(run => run.IsSettled);

        Assert.StartsWith($"Another agent works as {Address} now", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_forgot_the_node_is_told_again_who_it_is()
    {
        await using var node = Of();
        node.Start();
        await node.UntilSaysAsync("Waiting for work");

        node.Market.Forget();
        node.Market.Post(Job(Op("one", "fake/exit-0")));

        Assert.Equal(RunOutcome.Succeeded, (await node.UntilRunAsync(run => run.IsSettled)).State.Outcome);
    }

    [Fact]
    public async Task No_work_is_taken_while_the_engine_is_away()
    {
        await using var node = Of();
        node.Market.RequiredImages = ["fake/exit-0"];
        node.Start();
        await node.UntilSaysAsync("Waiting for work");
        node.Market.Post(Job(Op("one", "fake/exit-0")));
        await node.UntilRunAsync(run => run.IsSettled);
        await node.Market.UntilAsync(market => market.Calls[^1] == MarketCall.Claim, Patience);
        node.Engine.GoDown();
        node.Market.Post(Job(Op("two", "fake/exit-0")));
        var lost = await node.UntilRunAsync(run => run.IsSettled && run.Lease.Attempt == 1 && run != node.Market.Runs[0]);
        node.Market.Post(Job(Op("three", "fake/exit-0")));
        await node.UntilSaysAsync("No work is taken until the container engine is back.");
        node.Engine.ComeBack();
        await node.UntilRunAsync(run => run.IsSettled && run.State.Outcome == RunOutcome.Succeeded && run != node.Market.Runs[0]);

        Assert.Equal(RunOutcome.Lost, lost.State.Outcome);
    }

    [Fact]
    public async Task The_folder_of_a_settled_run_is_kept_for_a_day()
    {
        await using var node = Of();
        node.Market.Post(Job(Op("one", "fake/exit-0")));
        node.Start();
        var first = await node.UntilRunAsync(run => run.IsSettled);
        await node.UntilSaysAsync("done");
        Assert.Equal(LeaseStanding.Settled, StoredLease.Load(node.Folder(first))?.Standing);

        node.Clock.Advance(TimeSpan.FromHours(25));
        node.Market.Post(Job(Op("two", "fake/exit-0")));
        await node.UntilSaysAsync($"Removed the logs of run {first.Lease.Run}");

        Assert.False(Directory.Exists(node.Folder(first).Path));
    }

    private static async Task AssertGoneAsync(TestNode node)
    {
        node.Exit.Drain(within: null);
        await node.EndAsync();
        Assert.Empty(node.Engine.Left);
        Assert.Empty(node.Market.Violations);
    }
}
