using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Market.Jobs;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;
using CsCheck;
using Xunit;

namespace Berth.Tests.Market;

/// <summary>Whatever happens to a job, in whatever order, and by whichever clock.</summary>
public sealed class JobLifecycleProperties
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Address Node = Address.Fresh();

    /// <summary>One happening: which kind, how far the clock moves before it (backwards too), and a number for what varies.</summary>
    private static readonly Gen<(int Kind, int Seconds, int Number)[]> Happenings =
        Gen.Select(Gen.Int[0, 10], Gen.Frequency((8, Gen.Int[0, 40]), (1, Gen.Int[40, 2000]), (1, Gen.Int[-5000, 0])), Gen.Int[0, 1000]).Array[0, 40];

    /// <summary>A job in which something is sealed, or nothing, and what happens to it.</summary>
    private static readonly Gen<(JobSealing Sealing, (int Kind, int Seconds, int Number)[] Happenings)> History = Gen.Select(Gen.Enum<JobSealing>(), Happenings);

    private static readonly SealedBox Box = new([1], []);

    [Fact]
    public void A_job_is_never_leased_while_a_lease_is_in_force() => Sample((before, happened, after) =>
    {
        if (happened is JobChange.Leased && after is not null)
        {
            Assert.Equal(JobState.Queued, before.State);
            Assert.Equal(before.Fence + 1, after.Fence);
        }

        Assert.Equal((after ?? before).State == JobState.Running, (after ?? before).LeasedUntil is not null);
    });

    [Fact]
    public void What_carries_an_old_fence_changes_nothing() => Sample((before, happened, after) =>
    {
        if (happened is JobChange.Renewed { Fence: var renewed } && renewed != before.Fence)
        {
            Assert.Null(after);
        }

        if (happened is JobChange.RunOver { Fence: var over } && over != before.Fence)
        {
            Assert.Null(after);
        }
    });

    [Fact]
    public void A_job_that_ended_never_changes_again_and_one_that_has_not_has_no_outcome() => Sample((before, _, after) =>
    {
        if (before.IsEnded)
        {
            Assert.Null(after);
        }

        Assert.Equal((after ?? before).IsEnded, (after ?? before).Outcome is not null);
        Assert.Equal((after ?? before).IsEnded, (after ?? before).EndedAt is not null);
    });

    [Fact]
    public void There_are_never_more_attempts_than_allowed_and_they_count_up_by_one() => Sample((before, _, after) =>
    {
        if (after is not null)
        {
            Assert.InRange(after.Attempt, before.Attempt, Math.Min(before.Attempt + 1, after.Attempts));
        }
    });

    [Fact]
    public void Paid_seconds_are_never_negative_and_never_more_than_the_timeout_whatever_the_clock_does() => Sample((_, _, after) =>
    {
        if (after is { IsEnded: true })
        {
            Assert.InRange(JobLifecycle.PaidSeconds(after), 0, after.TimeoutSeconds);
            var settlement = Settlement.For(after, feeBasisPoints: 333);
            Assert.Equal(after.Deposit, settlement.Pay + settlement.Fee + settlement.Refund);
            Assert.True(settlement.Pay >= Nos.Zero && settlement.Fee >= Nos.Zero && settlement.Refund >= Nos.Zero);
            Assert.Equal(Nos.Zero, settlement.Lines(after, Node).Aggregate(Nos.Zero, (sum, line) => sum + line.Amount));
        }
    });

    [Fact]
    public void Where_something_is_sealed_time_is_paid_only_after_it_was_opened() => Sample((before, happened, after) =>
    {
        if (before is { Sealing: not JobSealing.None, StartedAt: null } && after?.StartedAt is not null)
        {
            Assert.IsType<JobChange.Opened>(happened);
            Assert.True(before.HasHandover);
        }
    });

    [Fact]
    public void What_the_poster_handed_over_for_one_run_is_gone_with_it() => Sample((before, _, after) =>
    {
        if (before.Sealing == JobSealing.Poster && after?.State == JobState.Queued)
        {
            Assert.Null(after.Handover);
        }
    });

    [Fact]
    public void A_node_never_waits_longer_than_five_minutes_for_what_is_sealed() => History.Sample(history =>
    {
        var job = history.Happenings.Aggregate((Job: Fresh(history.Sealing), Now: Start), (at, step) => Step(at.Job, at.Now, step)).Job;
        if (job is { State: JobState.Running, AwaitsSince: { } since })
        {
            Assert.True(JobLifecycle.DueAt(job) <= since + TimeSpan.FromMinutes(5));
            Assert.NotEqual(JobState.Running, JobLifecycle.After(job, new JobChange.HandoverLate(since + TimeSpan.FromMinutes(5)))!.State);
        }
    });

    [Fact]
    public void An_attempt_that_was_lost_or_refused_earns_nothing() => Sample((_, _, after) =>
    {
        if (after is { State: JobState.Stopped })
        {
            Assert.Equal(0, JobLifecycle.PaidSeconds(after));
        }
    });

    [Fact]
    public void A_running_job_is_due_at_some_time_and_changes_when_that_comes() => History.Sample(history =>
    {
        var job = history.Happenings.Aggregate((Job: Fresh(history.Sealing), Now: Start), (at, step) => Step(at.Job, at.Now, step)).Job;
        if (JobLifecycle.DueAt(job) is not { } due)
        {
            Assert.NotEqual(JobState.Running, job.State);
            return;
        }

        Assert.Null(Keep(job, due - TimeSpan.FromMicroseconds(1)));
        Assert.NotNull(Keep(job, due));
    });

    [Fact]
    public void Every_job_ends_when_time_passes_and_the_market_looks() => Gen.Select(History, Gen.Bool).Sample((history, renews) =>
    {
        var (job, now) = history.Happenings.Aggregate((Job: Fresh(history.Sealing), Now: Start), (at, step) => Step(at.Job, at.Now, step));
        for (var turn = 0; !job.IsEnded; turn++)
        {
            Assert.True(turn < 2_000, $"It goes on for ever: {job}");
            now = now.AddSeconds(10);
            job = job.State == JobState.Queued ? JobLifecycle.After(job, Lease(job, now))! : job;

            // The node renews to the last, or says nothing at all.
            var renewed = renews || !job.IsAccepted ? JobLifecycle.After(job, new JobChange.Renewed(now, job.Fence, now.AddSeconds(30))) : null;
            job = renewed ?? job;
            if (renews)
            {
                job = JobLifecycle.After(job, new JobChange.HandedOver(now, job.Run!.Value, Box)) ?? job;
                job = JobLifecycle.After(job, new JobChange.Opened(now, job.Fence)) ?? job;
            }

            // Of a job that nobody serves nothing happens until somebody is there, or takes it back.
            job = Keep(job, now) ?? job;
            job = job.IsUnserved ? JobLifecycle.After(job, new JobChange.StopAsked(now, "enough"))! : job;
        }
    });

    [Fact]
    public void A_client_who_asks_for_the_end_gets_it_within_the_grace() => History.Sample(history =>
    {
        var (job, now) = history.Happenings.Aggregate((Job: Fresh(history.Sealing), Now: Start), (at, step) => Step(at.Job, at.Now, step));
        if (!job.IsEnded && !job.IsStopping)
        {
            var asked = JobLifecycle.After(job, new JobChange.StopAsked(now, "enough"))!;
            Assert.True(asked.IsEnded || JobLifecycle.DueAt(asked) <= now + JobLifecycle.ReportGrace);
        }
    });

    private static void Sample(Action<Job, JobChange, Job?> holds) => History.Sample(
        history =>
        {
            var (job, now) = (Fresh(history.Sealing), Start);
            foreach (var (kind, seconds, number) in history.Happenings)
            {
                now = now.AddSeconds(seconds);
                var happened = Happens(job, now, kind, number);
                var after = JobLifecycle.After(job, happened);
                holds(job, happened, after);
                job = after ?? job;
            }
        },
        iter: 10_000);

    private static (Job Job, DateTimeOffset Now) Step(Job job, DateTimeOffset now, (int Kind, int Seconds, int Number) step)
    {
        now = now.AddSeconds(step.Seconds);
        return (JobLifecycle.After(job, Happens(job, now, step.Kind, step.Number)) ?? job, now);
    }

    private static Job? Keep(Job job, DateTimeOffset now) =>
        JobLifecycle.After(job, new JobChange.LeaseLapsed(now)) ?? JobLifecycle.After(job, new JobChange.HandoverLate(now)) ?? JobLifecycle.After(job, new JobChange.TimeRanOut(now));

    private static JobChange Happens(Job job, DateTimeOffset now, int kind, int number) => kind switch
    {
        0 => Lease(job, now),
        1 => new JobChange.Renewed(now, job.Fence - (number % 5 == 0 ? 1 : 0), now.AddSeconds(30)),
        2 => new JobChange.RunOver(now, job.Fence - (number % 5 == 0 ? 1 : 0), (RunOutcome)(number % 6), null, number % 2 == 0),
        3 => new JobChange.LeaseLapsed(now),
        4 => new JobChange.TimeRanOut(now),
        5 => new JobChange.StopAsked(now, "enough"),
        6 => new JobChange.Extended(now, number),
        7 => new JobChange.HandedOver(now, number % 5 == 0 ? RunId.New() : job.Run ?? RunId.New(), Box),
        8 => new JobChange.Opened(now, job.Fence - (number % 5 == 0 ? 1 : 0)),
        9 => new JobChange.HandoverLate(now),
        _ => new JobChange.PosterIsThere(now),
    };

    private static JobChange.Leased Lease(Job job, DateTimeOffset now) => new(now, RunId.New(), Node, "0", $"claim {job.Fence}", now.AddSeconds(10));

    private static Job Fresh(JobSealing sealing) => new()
    {
        Sealing = sealing,
        Handover = sealing == JobSealing.Pinned ? Box : null,
        Id = JobId.New(),
        Market = 1,
        MarketSlug = "cpu",
        Poster = Node,
        PostDigest = "",
        Definition = "",
        Price = new Nos(48),
        TimeoutSeconds = 300,
        Attempts = 2,
        Requirements = new JobRequirements(),
        PostedAt = Start,
    };
}
