using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol;
using Xunit;

namespace Berth.Testing.Network;

/// <summary>Things that go wrong or happen at once, on every database the market may live in.</summary>
public abstract class MarketFaultTests
{
    /// <summary>How long a wake-up may take at most; without one a waiter looks after 15 s of the network's clock, which these tests do not turn.</summary>
    protected static readonly TimeSpan Promptly = TimeSpan.FromSeconds(20);

    /// <summary>A network over a database of its own.</summary>
    protected abstract Task<TestNetwork> StartAsync();

    /// <summary>Where half of the nodes of a simulation ask: another server where there may be one.</summary>
    protected virtual Task<Uri?> OtherServerAsync(TestNetwork network) => Task.FromResult<Uri?>(null);

    [Fact]
    public async Task A_claim_whose_answer_is_lost_on_the_wire_is_asked_again_and_gets_the_same_lease()
    {
        await using var network = await StartAsync();
        var wire = new LossyWire();
        var node = await network.NodeAsync(wire: wire);
        var (first, _) = (await network.PostAsync(), await network.PostAsync());
        wire.LoseAnswers(1);

        var lost = await Assert.ThrowsAsync<MarketException>(() => node.ClaimAsync("same"));
        var lease = await node.ClaimAsync("same");

        Assert.True(lost.IsTransient);
        Assert.Equal(first.Facts.Job, lease?.Job);
        Assert.Equal(1, (await network.Client.GetMarketAsync(TestNetwork.Market, CancellationToken.None)).JobsWaiting);
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_report_whose_answer_is_lost_is_sent_again_and_counts_once()
    {
        await using var network = await StartAsync();
        var wire = new LossyWire();
        var node = await network.NodeAsync(wire: wire);
        await network.PostAsync();
        var lease = await node.StartAsync();
        network.Time.Advance(TimeSpan.FromSeconds(10));
        wire.LoseAnswers(1);

        await Assert.ThrowsAsync<MarketException>(() => node.FinishAsync(lease));
        network.Time.Advance(TimeSpan.FromSeconds(10));
        var receipt = await node.FinishAsync(lease);

        Assert.True(receipt.IsSettled);
        Assert.Equal(new Nos(70), await network.BalanceAsync(node.Address));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Two_reports_of_the_end_at_once_settle_once_and_both_are_told()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        await network.PostAsync();
        var lease = await node.StartAsync();
        network.Time.Advance(TimeSpan.FromSeconds(10));

        var receipts = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => node.FinishAsync(lease)));

        Assert.All(receipts, receipt => Assert.True(receipt.IsSettled));
        Assert.Equal(new Nos(70), await network.BalanceAsync(node.Address));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Fifty_posts_at_once_with_one_idempotency_key_are_one_job()
    {
        await using var network = await StartAsync();
        await network.NodeAsync();
        var http = network.Http(network.ClientKey);

        var jobs = await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "api/v1/jobs") { Content = JsonContent.Create(TestNetwork.APost(), WireJson.Answers.JobPost) };
            request.Headers.Add("Idempotency-Key", "one");
            using var answer = await http.SendAsync(request);
            answer.EnsureSuccessStatusCode();
            return (await answer.Content.ReadFromJsonAsync(WireJson.Answers.JobView))!.Facts.Job;
        }));

        Assert.Single(jobs.Distinct());
        using var other = new HttpRequestMessage(HttpMethod.Post, "api/v1/jobs") { Content = JsonContent.Create(TestNetwork.APost() with { TimeoutSeconds = 7 }, WireJson.Answers.JobPost) };
        other.Headers.Add("Idempotency-Key", "one");
        Assert.Equal(HttpStatusCode.Conflict, (await http.SendAsync(other)).StatusCode);
        Assert.Single((await network.Client.ListJobsAsync(new JobFilter(), CancellationToken.None)).Items);
        Assert.Equal(new Nos(1_000_000 - 4200), await network.BalanceAsync(network.ClientKey.Address));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_heartbeat_and_the_lapse_of_its_lease_at_the_same_moment_leave_the_job_with_one_of_two_nodes()
    {
        await using var network = await StartAsync();
        var (first, second) = (await network.NodeAsync(), await network.NodeAsync());
        for (var round = 0; round < 20; round++)
        {
            await network.PostAsync();
            var lease = await first.StartAsync();
            network.Time.Advance(network.LeaseLength - TimeSpan.FromMilliseconds(1));

            var beat = SaysAsync(() => first.RenewAsync(lease));
            network.Time.Advance(TimeSpan.FromMilliseconds(1));
            var kept = network.KeepAsync();
            var other = await second.ClaimAsync($"{round}");
            await kept;
            other ??= await second.ClaimAsync($"{round}");

            Assert.Equal(await beat is null, other is not null);
            await (other is null ? first.FinishAsync(lease) : AcceptAsync(second, other));

            // The place of a claim that found nothing is given up.
            network.Time.Advance(TimeSpan.FromSeconds(20));
        }

        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_post_and_a_claim_at_the_same_moment_never_both_wait()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        for (var round = 0; round < 30; round++)
        {
            var claim = node.ClaimAsync(waitSeconds: 30);
            await Task.WhenAll(Enumerable.Range(0, round % 3).Select(_ => network.Client.GetMarketAsync(TestNetwork.Market, CancellationToken.None)));
            await network.PostAsync();

            var lease = await claim.WaitAsync(Promptly);

            Assert.NotNull(lease);
            await AcceptAsync(node, lease);
        }

        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Many_posts_and_many_claims_at_once_all_find_each_other()
    {
        await using var network = await StartAsync();
        var nodes = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => network.NodeAsync()));
        for (var round = 0; round < 8; round++)
        {
            var claims = nodes.Select(node => node.ClaimAsync(waitSeconds: 30)).ToList();
            var posts = nodes.Select(_ => network.PostAsync()).ToList();

            var leases = await Task.WhenAll(claims).WaitAsync(Promptly);
            await Task.WhenAll(posts);

            Assert.Equal(nodes.Length, leases.Select(lease => lease!.Job).Distinct().Count());
            await Task.WhenAll(nodes.Zip(leases, (node, lease) => AcceptAsync(node, lease!)));
        }

        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Jobs_that_go_back_to_the_queue_and_claims_at_the_same_moment_all_find_each_other()
    {
        await using var network = await StartAsync();
        var refusers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => network.NodeAsync()));
        var takers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => network.NodeAsync()));
        for (var round = 0; round < 8; round++)
        {
            await Task.WhenAll(refusers.Select(_ => network.PostAsync()));
            var refused = await Task.WhenAll(refusers.Select(node => node.StartAsync()));

            var ends = refusers.Zip(refused, (node, lease) => node.FinishAsync(lease, RunOutcome.Refused)).ToList();
            var claims = takers.Select(node => node.ClaimAsync(waitSeconds: 30)).ToList();

            var leases = await Task.WhenAll(claims).WaitAsync(Promptly);
            await Task.WhenAll(ends);
            Assert.Equal(refused.Select(lease => lease.Job).ToHashSet(), leases.Select(lease => lease!.Job).ToHashSet());
            await Task.WhenAll(takers.Zip(leases, (node, lease) => AcceptAsync(node, lease!)));
        }

        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task One_slot_that_asks_many_times_at_once_gets_one_job()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        for (var job = 0; job < 10; job++)
        {
            await network.PostAsync();
        }

        var leases = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => node.ClaimAsync()));

        Assert.Single(leases, lease => lease is not null);
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_claim_of_another_nodes_name_touches_nothing_of_that_node()
    {
        await using var network = await StartAsync();
        var (node, impostor) = (await network.NodeAsync(), await network.NodeAsync());
        var waits = node.ClaimAsync("mine", waitSeconds: 30);
        await WaitingAsync(network, 1);

        using var goes = new CancellationTokenSource();
        var other = impostor.ClaimAsync("mine", waitSeconds: 30, ct: goes.Token);
        await WaitingAsync(network, 2);
        await goes.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => other);
        await WaitingAsync(network, 1);
        var posted = await network.PostAsync();

        Assert.Equal(posted.Facts.Job, (await waits.WaitAsync(Promptly))?.Job);
    }

    [Theory]
    [InlineData("claim")]
    [InlineData("start")]
    [InlineData("finish")]
    [InlineData("lapse")]
    [InlineData("extend")]
    public async Task A_stop_at_the_same_moment_as_another_thing_ends_the_job_once_with_the_money_right(string thing)
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        for (var round = 0; round < 12; round++)
        {
            var job = (await network.PostAsync()).Facts.Job;
            var lease = thing is "claim" or "extend" ? null : await node.ClaimAsync();
            if (thing is "finish" or "lapse")
            {
                await node.RenewAsync(lease!);
                network.Time.Advance(thing == "lapse" ? network.LeaseLength : TimeSpan.FromSeconds(3));
            }

            var stopped = network.Client.StopAsync(job, CancellationToken.None);
            var other = SaysAsync<object?>(async () => thing switch
            {
                "claim" => lease = await node.ClaimAsync(),
                "start" => await node.RenewAsync(lease!),
                "finish" => await node.FinishAsync(lease!),
                "extend" => await network.Client.ExtendAsync(job, 1000 + round, CancellationToken.None),
                _ => network.KeepAsync(),
            });
            await stopped;
            await other;

            if (lease is not null)
            {
                await SaysAsync(() => node.RenewAsync(lease));
                await SaysAsync(() => node.FinishAsync(lease, RunOutcome.StoppedByClient));
                await network.KeepAsync();
            }

            Assert.True((await network.Client.GetJobAsync(job, CancellationToken.None)).Facts.State is JobState.Completed or JobState.Stopped);
            Assert.Empty(await network.AuditAsync());
        }
    }

    [Fact]
    public async Task A_job_told_to_stop_whose_node_goes_on_renewing_ends_all_the_same()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var job = (await network.PostAsync()).Facts.Job;
        var lease = await node.StartAsync();
        await network.Client.StopAsync(job, CancellationToken.None);

        for (var minute = 0; minute < 3; minute++)
        {
            for (var third = 0; third < 3; third++)
            {
                await network.PassAsync(TimeSpan.FromSeconds(20));
                await SaysAsync(() => node.RenewAsync(lease));
            }
        }

        var ended = await network.Client.GetJobAsync(job, CancellationToken.None);
        Assert.Equal((JobState.Completed, JobOutcome.StoppedByClient), (ended.Facts.State, ended.Facts.Outcome));
        Assert.Equal(new Nos(7 * 120), ended.Cost);
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task What_a_node_says_in_odd_characters_neither_breaks_the_market_nor_keeps_the_job_from_ending()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var posted = await network.PostAsync();
        var lease = await node.ClaimAsync("a\0b") ?? throw new InvalidOperationException("There was nothing to take.");
        await node.RenewAsync(lease);

        var receipt = await node.ReportAsync(lease, [.. TestNode.Story(lease, RunOutcome.Failed)[..3], new RunEnded(RunOutcome.Failed) { Number = 4, Message = "nul \0, escape \u001b[31m, 𝒳 and \uFFFF" }]);

        Assert.True(receipt.IsSettled);
        var ended = await network.Client.GetJobAsync(posted.Facts.Job, CancellationToken.None);
        Assert.Equal("nul \uFFFD, escape \u001b[31m, 𝒳 and \uFFFF", ended.Message);
        Assert.NotEmpty(await network.EventsAsync(posted.Facts.Job, long.MaxValue));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Ten_thousand_events_in_one_report_are_all_there_and_in_order()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        var job = (await network.PostAsync()).Facts.Job;
        var lease = await node.StartAsync();
        var story = TestNode.Story(lease, RunOutcome.Succeeded);
        var many = Enumerable.Range(3, 10_000).Select(number => new Notice(NoticeLevel.Information, $"step {number}") { Number = number });

        var receipt = await node.ReportAsync(lease, [.. story[..2], .. many, story[2] with { Number = 10_003 }, story[3] with { Number = 10_004 }]);

        Assert.Equal((10_004, true), (receipt.LastEvent, receipt.IsSettled));
        var told = (await network.EventsAsync(job, long.MaxValue)).OfType<RunReported>().Select(one => one.Event.GetProperty("number").GetInt32());
        Assert.Equal(Enumerable.Range(1, 10_004), told);
    }

    [Fact]
    public async Task Events_and_lines_that_would_leave_a_gap_are_passed_over_and_the_receipt_says_where_to_go_on()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        await network.PostAsync();
        var lease = await node.StartAsync();
        var story = TestNode.Story(lease, RunOutcome.Succeeded);

        var receipt = await node.ReportAsync(lease, [story[0], story[2], story[3]], [TestNode.Lines("one", 5, 9), TestNode.Lines("one", 1, 4)]);

        Assert.Equal((1, 4, false), (receipt.LastEvent, receipt.LastLines["one"], receipt.IsSettled));
        Assert.True((await node.FinishAsync(lease)).IsSettled);
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Nodes_that_misbehave_at_random_give_every_job_one_accepted_result() => await SimulateAsync(nodes: 12, jobs: 60);

    [Fact]
    [Trait("Category", "Long")]
    public async Task Two_hundred_nodes_that_misbehave_at_random_give_thousands_of_jobs_one_accepted_result_each() => await SimulateAsync(nodes: 200, jobs: 3000);

    private async Task SimulateAsync(int nodes, int jobs)
    {
        await using var network = await StartAsync();
        await network.GrantAsync(network.ClientKey.Address, new Nos(100_000_000));
        var other = await OtherServerAsync(network);
        var accepted = new ConcurrentDictionary<JobId, ConcurrentBag<RunId>>();
        using var ended = new CancellationTokenSource();
        var lives = new List<Task>();
        for (var number = 0; number < nodes; number++)
        {
            var node = await network.NodeAsync(server: number % 2 == 0 ? null : other);
            lives.Add(new SimulatedNode(node, new Random(number), accepted).LiveAsync(ended.Token));
        }

        var posted = new ConcurrentBag<JobId>();
        await Parallel.ForEachAsync(Enumerable.Range(0, jobs), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (number, _) =>
        {
            posted.Add((await network.PostAsync()).Facts.Job);
            if (number % 50 == 0)
            {
                network.Time.Advance(TimeSpan.FromSeconds(1));
            }
        });

        // Time passes until everything has come to an end; what goes wrong in a node's life ends the test.
        for (var turn = 0; await LeftAsync(network) > 0; turn++)
        {
            Assert.True(turn < 2000, "The jobs do not come to an end.");
            Assert.DoesNotContain(lives, life => life.IsFaulted);
            network.Time.Advance(TimeSpan.FromSeconds(2));
            await network.KeepAsync();
        }

        await ended.CancelAsync();
        await Task.WhenAll(lives);
        Assert.Empty(await network.AuditAsync());
        foreach (var job in posted)
        {
            var (outcome, leases) = Told(await network.EventsAsync(job, long.MaxValue));
            Assert.Equal(outcome == JobOutcome.Succeeded ? 1 : 0, accepted.GetValueOrDefault(job)?.Distinct().Count() ?? 0);
            Assert.True(outcome is not JobOutcome.Succeeded || accepted[job].First() == leases[^1], $"The result of job {job} is not of its last lease.");
        }
    }

    private static async Task<long> LeftAsync(TestNetwork network)
    {
        var market = await network.Client.GetMarketAsync(TestNetwork.Market, CancellationToken.None);
        return market.JobsWaiting + market.JobsRunning;
    }

    /// <summary>Goes through a job's history: no lease begins before the one before it is over, and there is one end.</summary>
    private static (JobOutcome Outcome, List<RunId> Leases) Told(List<JobEvent> events)
    {
        RunId? live = null;
        var leases = new List<RunId>();
        JobOutcome? outcome = null;
        foreach (var happened in events)
        {
            Assert.Null(outcome);
            switch (happened)
            {
                case JobLeased leased:
                    Assert.Null(live);
                    live = leased.Run;
                    leases.Add(leased.Run);
                    break;
                case JobStarted started:
                    Assert.Equal(live, started.Run);
                    break;
                case RunReported reported:
                    Assert.Equal(live, reported.Run);
                    break;
                case JobRequeued requeued:
                    Assert.Equal(live, requeued.Run);
                    live = null;
                    break;
                case JobEnded end:
                    outcome = end.Outcome;
                    break;
            }
        }

        Assert.NotNull(outcome);
        return (outcome.Value, leases);
    }

    private static async Task WaitingAsync(TestNetwork network, long slots) => await Until.SoAsync(
        async () => (await network.Client.GetMarketAsync(TestNetwork.Market, CancellationToken.None)).SlotsWaiting == slots, $"{slots} waiting slots");

    private static async Task<RunReceipt> AcceptAsync(TestNode node, Lease lease)
    {
        await node.RenewAsync(lease);
        return await node.FinishAsync(lease);
    }

    /// <summary>What is answered, or null when the market says that the lease or the job is no more.</summary>
    private static async Task<T?> SaysAsync<T>(Func<Task<T>> ask)
        where T : class?
    {
        try
        {
            return await ask();
        }
        catch (MarketException late) when (late.Code is ProblemTypes.LeaseLost or ProblemTypes.AlreadyEnded)
        {
            return null;
        }
    }
}
