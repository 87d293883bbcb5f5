using System.Net;
using System.Text.Json;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Xunit;

namespace Berth.Testing.Network;

/// <summary>What every database the market may live in must give; run once for each.</summary>
public abstract class MarketTests
{
    /// <summary>A network over a database of its own.</summary>
    protected abstract Task<TestNetwork> StartAsync();

    [Fact]
    public async Task A_job_is_posted_claimed_run_paid_and_refunded()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var posted = await network.PostAsync();
        Assert.Equal(JobState.Queued, posted.Facts.State);
        Assert.Equal(1, posted.QueuePosition);
        Assert.Equal(new Nos(1_000_000 - (7 * 600)), await network.BalanceAsync(network.ClientKey.Address));

        var lease = await node.StartAsync();
        Assert.Equal(posted.Facts.Job, lease.Job);
        Assert.Equal(TestNetwork.APost().Definition, lease.Definition);
        network.Time.Advance(TimeSpan.FromSeconds(9.5));
        var receipt = await node.FinishAsync(lease);

        Assert.True(receipt.IsSettled);
        var ended = await network.Client.GetJobAsync(lease.Job, CancellationToken.None);
        Assert.Equal((JobState.Completed, JobOutcome.Succeeded), (ended.Facts.State, ended.Facts.Outcome));
        Assert.Equal((new Nos(70), new Nos(4130)), (ended.Cost, ended.Refund));
        Assert.Equal(new Nos(70), await network.BalanceAsync(node.Address));
        Assert.Equal(new Nos(1_000_000 - 70), await network.BalanceAsync(network.ClientKey.Address));
        Assert.Contains("\"status\": \"success\"", System.Text.Encoding.UTF8.GetString(await network.Client.GetResultAsync(lease.Job, CancellationToken.None)), StringComparison.Ordinal);
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_market_tells_everybody_which_resources_it_requires_so_none_may_have_a_secret()
    {
        await using var network = await StartAsync();
        var required = Json("""{ "type": "HF", "repo": "acme/tiny", "revision": "main" }""");

        await network.Operator.ChangeMarketAsync(TestNetwork.Market, new MarketChange { RequiredResources = [required] }, CancellationToken.None);
        await network.Operator.ChangeMarketAsync(TestNetwork.Market, new MarketChange { Price = new Nos(8) }, CancellationToken.None);

        var market = await network.Client.GetMarketAsync(TestNetwork.Market, CancellationToken.None);
        Assert.Equal("acme/tiny", Assert.Single(market.RequiredResources).GetProperty("repo").GetString());
        foreach (var refused in (string[])["""{ "type": "HF", "repo": "acme/tiny", "accessToken": "hf_secret" }""", """{ "type": "Quantum" }""", "7"])
        {
            var refusal = await Assert.ThrowsAsync<MarketException>(
                () => network.Operator.ChangeMarketAsync(TestNetwork.Market, new MarketChange { RequiredResources = [Json(refused)] }, CancellationToken.None));
            Assert.Contains("required resource", refusal.Message, StringComparison.Ordinal);
        }

        static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
    }

    [Fact]
    public async Task A_slot_that_waits_gets_the_job_that_is_posted_then()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var claim = node.ClaimAsync(waitSeconds: 30);
        while ((await network.Client.GetMarketAsync(TestNetwork.Market, CancellationToken.None)).SlotsWaiting == 0)
        {
            await Task.Yield();
        }

        var posted = await network.PostAsync();

        Assert.Equal(JobState.Running, posted.Facts.State);
        Assert.Equal(posted.Facts.Job, (await claim)?.Job);
    }

    [Fact]
    public async Task A_job_whose_node_falls_silent_goes_back_to_the_head_of_the_queue_and_the_late_report_changes_nothing()
    {
        await using var network = await StartAsync();
        var (silent, other) = (await network.NodeAsync(), await network.NodeAsync());
        var first = await network.PostAsync();
        await network.PostAsync();
        var lost = await silent.StartAsync();

        await network.PassAsync(network.LeaseLength + TimeSpan.FromSeconds(1));
        var again = await other.StartAsync();

        Assert.Equal((first.Facts.Job, 2), (again.Job, again.Attempt));
        Assert.True(again.Fence > lost.Fence);
        var late = await Assert.ThrowsAsync<MarketException>(() => silent.FinishAsync(lost));
        Assert.Equal(ProblemTypes.LeaseLost, late.Code);
        await other.FinishAsync(again);
        Assert.Equal(Nos.Zero, await network.BalanceAsync(silent.Address));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_job_whose_last_attempt_is_lost_is_stopped_and_refunded_whole()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var posted = await network.PostAsync(TestNetwork.APost() with { Attempts = 1 });
        await node.StartAsync();

        await network.PassAsync(network.LeaseLength + TimeSpan.FromSeconds(1));

        var ended = await network.Client.GetJobAsync(posted.Facts.Job, CancellationToken.None);
        Assert.Equal((JobState.Stopped, JobOutcome.Lost), (ended.Facts.State, ended.Facts.Outcome));
        Assert.Equal(new Nos(1_000_000), await network.BalanceAsync(network.ClientKey.Address));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_lease_nobody_accepts_is_no_attempt()
    {
        await using var network = await StartAsync();
        var (deaf, other) = (await network.NodeAsync(), await network.NodeAsync());
        await network.PostAsync(TestNetwork.APost() with { Attempts = 1 });
        await deaf.ClaimAsync();

        await network.PassAsync(TimeSpan.FromSeconds(11));

        Assert.Equal(1, (await other.StartAsync()).Attempt);
    }

    [Fact]
    public async Task A_claim_whose_answer_was_lost_gets_the_same_lease_again()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        await network.PostAsync();
        await network.PostAsync();

        var first = await node.ClaimAsync("same");
        var second = await node.ClaimAsync("same");

        Assert.Equal((first?.Run, first?.Fence), (second?.Run, second?.Fence));
    }

    [Fact]
    public async Task The_same_post_many_times_at_once_is_one_job()
    {
        await using var network = await StartAsync();
        await network.NodeAsync();
        var post = TestNetwork.APost();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => network.PostAsync(post)));

        Assert.All(answers, answer => Assert.Equal(post.Job, answer.Facts.Job));
        Assert.Single((await network.Client.ListJobsAsync(new JobFilter(), CancellationToken.None)).Items);
        Assert.Equal(new Nos(1_000_000 - 4200), await network.BalanceAsync(network.ClientKey.Address));
        var other = await Assert.ThrowsAsync<MarketException>(() => network.PostAsync(post with { TimeoutSeconds = 5 }));
        Assert.Equal(ProblemTypes.Conflict, other.Code);
    }

    [Fact]
    public async Task A_claim_of_an_agent_that_is_not_registered_is_told_whether_to_register_or_to_leave()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        await node.RegisterAsync(TestNode.Having(TestNetwork.Market, 0, 0, "", 0) with { Instance = "5" });

        Assert.Equal(ProblemTypes.Superseded, (await Assert.ThrowsAsync<MarketException>(() => node.ClaimAsync(instance: "4"))).Code);
        Assert.Equal(ProblemTypes.NotRegistered, (await Assert.ThrowsAsync<MarketException>(() => node.ClaimAsync(instance: "6"))).Code);
        Assert.Null(await node.ClaimAsync(instance: "5"));
    }

    [Fact]
    public async Task A_node_that_only_waits_is_not_taken_for_away()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        for (var turn = 0; turn < 8; turn++)
        {
            Assert.Null(await node.ClaimAsync("one"));
            network.Time.Advance(TimeSpan.FromSeconds(31));
        }

        Assert.Equal(NodeState.Waiting, (await network.Client.GetNodeAsync(node.Address, CancellationToken.None)).State);
    }

    [Fact]
    public async Task A_job_that_no_node_ever_takes_up_is_given_up()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var job = (await network.PostAsync()).Facts.Job;
        for (var lease = 0; lease < 5; lease++)
        {
            Assert.NotNull(await node.ClaimAsync());
            await network.PassAsync(TimeSpan.FromSeconds(11));
        }

        var view = await network.Client.GetJobAsync(job, CancellationToken.None);
        Assert.Equal((JobState.Stopped, JobOutcome.Lost), (view.Facts.State, view.Facts.Outcome));
        Assert.Equal(new Nos(1_000_000), await network.BalanceAsync(network.ClientKey.Address));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_job_that_goes_back_to_the_queue_of_a_closed_market_is_stopped_and_refunded()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var job = (await network.PostAsync()).Facts.Job;
        await node.StartAsync();
        await network.Operator.CloseMarketAsync(TestNetwork.Market, CancellationToken.None);

        await network.PassAsync(network.LeaseLength + TimeSpan.FromSeconds(1));

        Assert.Equal(JobState.Stopped, (await network.Client.GetJobAsync(job, CancellationToken.None)).Facts.State);
        Assert.Equal(new Nos(1_000_000), await network.BalanceAsync(network.ClientKey.Address));
    }

    [Fact]
    public async Task Only_who_pays_extends_a_job()
    {
        await using var network = await StartAsync();
        await network.NodeAsync();
        var job = (await network.PostAsync()).Facts.Job;

        Assert.Equal(ProblemTypes.NotAllowed, (await Assert.ThrowsAsync<MarketException>(() => network.Operator.ExtendAsync(job, 3000, CancellationToken.None))).Code);
        Assert.Equal(3000, (await network.Client.ExtendAsync(job, 3000, CancellationToken.None)).Facts.TimeoutSeconds);
    }

    [Fact]
    public async Task A_run_is_made_known_before_any_of_its_lines()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var job = (await network.PostAsync()).Facts.Job;
        var lease = await node.StartAsync();

        await node.ReportAsync(lease, TestNode.Story(lease, RunOutcome.Succeeded), [TestNode.Lines("one", 1, 3)]);

        var events = await network.EventsAsync(job, (await network.Client.GetJobAsync(job, CancellationToken.None)).LastEvent);
        var started = events.FindIndex(happened => happened is RunReported { Event: var told } && told.GetProperty("kind").GetString() == "run-started");
        var lines = events.FindIndex(happened => happened is LogWritten);
        var ended = events.FindIndex(happened => happened is RunReported { Event: var told } && told.GetProperty("kind").GetString() == "operation-ended");
        Assert.True(started >= 0 && started < lines && lines < ended, $"started {started}, lines {lines}, ended {ended}");
    }

    [Fact]
    public async Task A_result_has_the_end_of_long_logs_and_says_how_much_it_leaves_out()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var job = (await network.PostAsync()).Facts.Job;
        var lease = await node.StartAsync();
        var story = TestNode.Story(lease, RunOutcome.Succeeded);
        await node.ReportAsync(lease, story[..2], [TestNode.LongLine("one", 1, 12 << 20), TestNode.LongLine("one", 2, 12 << 20)]);
        await node.ReportAsync(lease, story[2..], [TestNode.LongLine("one", 3, 12 << 20)]);

        using var result = JsonDocument.Parse(await network.Client.GetResultAsync(job, CancellationToken.None));

        var logs = result.RootElement.GetProperty("opStates")[0].GetProperty("logs").EnumerateArray().Select(entry => entry.GetProperty("log").GetString()!).ToList();
        Assert.Equal("[berth: 1 earlier lines are in the full log only]\n", logs[0]);
        Assert.Equal([(12 << 20) + 1, (12 << 20) + 1], logs[1..].Select(log => log.Length));
    }

    [Fact]
    public async Task A_post_that_is_refused_leaves_nothing_in_the_content()
    {
        await using var network = await StartAsync();
        await network.NodeAsync();
        using var nobody = SigningKey.New();
        var before = network.Contents().Count();

        var refused = await Assert.ThrowsAsync<MarketException>(() => network.Connect(nobody).PostAsync(TestNetwork.APost(), CancellationToken.None));

        Assert.Equal(ProblemTypes.TooLittleBalance, refused.Code);
        Assert.Equal(before, network.Contents().Count());
    }

    [Fact]
    public async Task An_empty_purse_is_refused_by_how_much()
    {
        await using var network = await StartAsync();
        await network.NodeAsync();
        using var poor = Berth.Protocol.Identity.SigningKey.New();
        await network.GrantAsync(poor.Address, new Nos(4000));

        var refused = await Assert.ThrowsAsync<MarketException>(() => network.Connect(poor).PostAsync(TestNetwork.APost(), CancellationToken.None));

        Assert.Equal((HttpStatusCode.PaymentRequired, ProblemTypes.TooLittleBalance), (refused.Status, refused.Code));
        Assert.Contains("0.0002 NOS are missing", refused.Message, StringComparison.Ordinal);
        Assert.Equal(new Nos(4000), await network.BalanceAsync(poor.Address));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_job_that_no_node_could_ever_run_is_refused_with_what_is_missing()
    {
        await using var network = await StartAsync();
        await network.NodeAsync(gpus: 1, vramMib: 24_576);
        var post = TestNetwork.APost("""{"version":"0.1","type":"container","meta":{"system_requirements":{"required_vram":80}},"ops":[{"type":"container/run","id":"one","args":{"image":"i","cmd":"x","gpu":true}}]}""");

        var refused = await Assert.ThrowsAsync<MarketException>(() => network.PostAsync(post));

        Assert.Equal(ProblemTypes.NoFit, refused.Code);
        Assert.Contains("80 GiB of GPU memory, the best has 24 GiB", refused.Message, StringComparison.Ordinal);
        var waits = await network.PostAsync(post with { WaitForFit = true });
        Assert.Contains("80 GiB", waits.Waiting, StringComparison.Ordinal);
        var big = await network.NodeAsync(gpus: 1, vramMib: 81_920);
        Assert.Equal(post.Job, (await big.StartAsync()).Job);
    }

    [Fact]
    public async Task A_waiting_job_is_taken_back_and_a_running_one_is_told_to_end()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var (running, waiting) = (await network.PostAsync(), await network.PostAsync());
        var lease = await node.StartAsync();
        var told = node.RenewAsync(lease, waitSeconds: 10, control: 0);

        var stopped = await network.Client.StopAsync(waiting.Facts.Job, CancellationToken.None);
        await network.Client.StopAsync(running.Facts.Job, CancellationToken.None);

        Assert.Equal((JobState.Stopped, JobOutcome.StoppedByClient), (stopped.Facts.State, stopped.Facts.Outcome));
        Assert.True((await told).Stop);
        network.Time.Advance(TimeSpan.FromSeconds(2));
        await node.FinishAsync(lease, RunOutcome.StoppedByClient);
        var ended = await network.Client.GetJobAsync(running.Facts.Job, CancellationToken.None);
        Assert.Equal((JobState.Completed, JobOutcome.StoppedByClient, new Nos(14)), (ended.Facts.State, ended.Facts.Outcome, ended.Cost));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task More_time_is_deposited_for_and_told_to_the_node()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var posted = await network.PostAsync();
        var lease = await node.StartAsync();

        var longer = await network.Client.ExtendAsync(posted.Facts.Job, 1000, CancellationToken.None);
        await network.Client.ExtendAsync(posted.Facts.Job, 1000, CancellationToken.None);

        Assert.Equal(new Nos(7000), longer.Deposit);
        Assert.Equal(new Nos(1_000_000 - 7000), await network.BalanceAsync(network.ClientKey.Address));
        Assert.Equal(1000, (await node.RenewAsync(lease)).TimeoutSeconds);
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Reports_that_are_repeated_add_nothing_and_events_are_told_in_one_order()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var posted = await network.PostAsync();
        var lease = await node.StartAsync();
        var story = TestNode.Story(lease, RunOutcome.Succeeded);

        await node.ReportAsync(lease, story[..2], [TestNode.Lines("one", 1, 1000)]);
        await node.ReportAsync(lease, story[..2], [TestNode.Lines("one", 1, 1000)]);
        var receipt = await node.ReportAsync(lease, story[2..3], [TestNode.Lines("one", 1001, 1500)]);
        Assert.Equal((3, 1500), (receipt.LastEvent, receipt.LastLines["one"]));
        await node.ReportAsync(lease, story);

        var events = await network.EventsAsync(posted.Facts.Job, long.MaxValue);
        Assert.Equal(Enumerable.Range(1, events.Count), events.Select(happened => (int)happened.Sequence));
        Assert.Equal([1, 2, 3, 4], events.OfType<RunReported>().Select(told => told.Event.GetProperty("number").GetInt32()));
        Assert.Equal(1500, events.OfType<LogWritten>().Sum(written => written.Chunk.Unpack().Count));
        Assert.IsType<JobEnded>(events[^1]);
        Assert.Equal(events[3..].Select(one => one.Sequence), (await network.EventsAsync(posted.Facts.Job, long.MaxValue, after: 3)).Select(one => one.Sequence));

        await network.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(1500, (await network.EventsAsync(posted.Facts.Job, long.MaxValue)).OfType<LogWritten>().Sum(written => written.Chunk.Unpack().Count));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Others_may_not_read_stop_or_extend_a_job_unless_it_is_public()
    {
        await using var network = await StartAsync();
        await network.NodeAsync();
        var (hidden, open) = ((await network.PostAsync()).Facts.Job, (await network.PostAsync(TestNetwork.APost() with { IsPublic = true })).Facts.Job);
        using var key = Berth.Protocol.Identity.SigningKey.New();
        var (stranger, nobody) = (network.Connect(key), network.Connect(null));

        foreach (var asked in new Func<JobId, Task>[]
        {
            job => stranger.GetDefinitionAsync(job, CancellationToken.None),
            job => nobody.GetDefinitionAsync(job, CancellationToken.None),
            job => stranger.StopAsync(job, CancellationToken.None),
            job => stranger.ExtendAsync(job, 3000, CancellationToken.None),
            job => stranger.GetResultAsync(job, CancellationToken.None),
        })
        {
            Assert.Equal(ProblemTypes.NotAllowed, (await Assert.ThrowsAsync<MarketException>(() => asked(hidden))).Code);
        }

        Assert.Equal(ProblemTypes.NotSigned, (await Assert.ThrowsAsync<MarketException>(() => nobody.StopAsync(hidden, CancellationToken.None))).Code);
        Assert.NotEmpty(await nobody.GetDefinitionAsync(open, CancellationToken.None));
        Assert.Equal(2, (await nobody.ListJobsAsync(new JobFilter(), CancellationToken.None)).Items.Length);
    }
}
