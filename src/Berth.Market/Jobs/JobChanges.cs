using System.Diagnostics;
using Berth.Market.Accounts;
using Berth.Market.Nodes;
using Berth.Market.Storage;
using Berth.Protocol;

namespace Berth.Market.Jobs;

/// <summary>
/// Carries out what happens to a job, in the transaction that the caller holds: the new state, its events, the run's row, and when the job ended its settlement.
/// </summary>
internal sealed class JobChanges(MarketOptions options, MarketMeters meters)
{
    /// <summary>
    /// The job after the change, stored; null when it came too late. <paramref name="told"/> are events that belong before it. A job that waits again gets the oldest slot that fits.
    /// </summary>
    public async Task<Job?> ApplyAsync(Transaction transaction, Job job, JobChange happened, IReadOnlyList<JobEvent> told, CancellationToken ct)
    {
        if (JobLifecycle.After(job, happened) is not { } after)
        {
            return null;
        }

        var earned = Nos.Zero;
        if (after.IsEnded)
        {
            var settlement = Settlement.For(after, options.FeeBasisPoints);
            earned = settlement.Pay;
            after = after with { Cost = settlement.Cost, Refund = settlement.Refund };
            await PayAsync(transaction, after, settlement, ct);
        }

        KeepRun(transaction, job, after, happened, earned);
        var saved = JobStore.Save(transaction, job, after, happened.At, [.. told, .. Story(job, after, happened)]);
        transaction.OnceCommitted(() => meters.Changed(job, after, happened.At));
        if (saved.State != JobState.Queued || job.State != JobState.Running)
        {
            return saved;
        }

        // No slot begins to wait between the look and the commit.
        transaction.Dialect.HoldMarket(transaction, saved.Market, alone: false);
        return await MatchAsync(transaction, saved, happened.At, ct);
    }

    /// <summary>Gives a waiting job to the oldest waiting slot that fits, if there is one. The caller holds the market.</summary>
    public async Task<Job> MatchAsync(Transaction transaction, Job job, DateTimeOffset now, CancellationToken ct)
    {
        if (job.IsUnserved || await NodeStore.TakeWaitingAsync(transaction, job, now, ct) is not { } waiting)
        {
            return job;
        }

        transaction.Wake(NodeStore.ClaimKey(waiting.Slot.Node, waiting.Claim));
        return await LeaseAsync(transaction, job, waiting.Slot, waiting.Claim, now, ct);
    }

    /// <summary>Gives a waiting job to the slot.</summary>
    public async Task<Job> LeaseAsync(Transaction transaction, Job job, Slot slot, string claim, DateTimeOffset now, CancellationToken ct)
    {
        var leased = new JobChange.Leased(now, Berth.Jobs.RunId.New(), slot.Node, slot.Name, claim, now + options.AcceptWithin);
        return await ApplyAsync(transaction, job, leased, [], ct) ?? throw new UnreachableException($"Job {job.Id} was taken from the queue and is not waiting.");
    }

    private async Task PayAsync(Transaction transaction, Job ended, Settlement settlement, CancellationToken ct)
    {
        if (settlement.Lines(ended, options.Operator) is { Count: > 0 } lines
            && await Ledger.BookAsync(transaction, ended.EndedAt!.Value, lines, ct) is Booking.TooLittle lacking)
        {
            throw new InvalidOperationException($"The escrow of job {ended.Id} is short by {lacking.Missing} NOS.");
        }
    }

    private static void KeepRun(Transaction transaction, Job job, Job after, JobChange happened, Nos earned)
    {
        switch (happened)
        {
            case JobChange.Leased e:
                transaction.ExecuteLater(
                    "insert into runs (run, job_id, attempt, fence, node, slot, leased_at) values (@run, @job, @attempt, @fence, @node, @slot, @at)",
                    null,
                    ("run", e.Run.Value),
                    ("job", job.Number),
                    ("attempt", job.Attempt + 1),
                    ("fence", after.Fence),
                    ("node", e.Node.Value),
                    ("slot", e.Slot),
                    ("at", e.At.Micro()));
                break;
            case JobChange.Renewed or JobChange.Opened when job.StartedAt is null && after.StartedAt is not null:
                transaction.ExecuteLater("update runs set started_at = @at where run = @run", null, ("at", happened.At.Micro()), ("run", after.Run?.Value));
                break;
        }

        if (job.State == JobState.Running && after.State != JobState.Running)
        {
            transaction.ExecuteLater(
                "update runs set ended_at = @at, outcome = @outcome where run = @run",
                null,
                ("at", happened.At.Micro()),
                ("outcome", happened is JobChange.RunOver over ? $"{over.Outcome}" : RunEnds.ByMarket),
                ("run", job.Run?.Value));
            if (job.IsAccepted)
            {
                NodeStore.Count(transaction, job.Node!.Value, after.State == JobState.Completed, earned);
            }
        }
    }

    private static IEnumerable<JobEvent> Story(Job job, Job after, JobChange happened)
    {
        switch (happened)
        {
            case JobChange.Leased e:
                yield return new JobLeased(e.Run, e.Node, job.Attempt + 1);
                break;
            case JobChange.Renewed or JobChange.Opened when job.StartedAt is null && after.StartedAt is not null:
                yield return new JobStarted(after.Run!.Value);
                break;
            case JobChange.Extended e:
                yield return new JobExtended(e.TimeoutSeconds, after.Deposit);
                break;
            case JobChange.StopAsked when !after.IsEnded:
                yield return new JobStopping();
                break;
        }

        if (after.IsEnded)
        {
            yield return new JobEnded(after.State, after.Outcome!.Value) { Message = after.Message, Cost = after.Cost ?? Nos.Zero, Refund = after.Refund ?? Nos.Zero };
        }
        else if (job.State == JobState.Running && after.State == JobState.Queued)
        {
            yield return new JobRequeued(job.Run!.Value, job.IsAccepted || happened is JobChange.HandoverLate ? after.Message ?? "The attempt was lost." : "The node did not accept it in time.");
        }
    }
}
