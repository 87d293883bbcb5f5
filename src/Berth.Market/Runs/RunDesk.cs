using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Market.Content;
using Berth.Market.Jobs;
using Berth.Market.Nodes;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Runs;

/// <summary>What nodes do with the runs they have leases for: renew, report, end.</summary>
internal sealed class RunDesk(Database database, ContentStore content, JobChanges changes, MarketOptions options, TimeProvider time)
{
    private const int MostOperations = 256;

    /// <summary>The log and the events of a run may be a little more than the largest log that nodes keep.</summary>
    private const long MostBytes = 12L << 30;

    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(15);

    /// <summary>Renews the lease as the request arrives, and answers when there is something to tell, or the wait is over.</summary>
    /// <exception cref="RefusedException">The lease is lost.</exception>
    public async Task<Renewal> RenewAsync(RunId run, Address node, RenewalRequest request, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        var job = await database.WriteAsync(transaction => RenewAsync(transaction, run, node, request.Fence, ct), ct);
        var most = TimeSpan.FromSeconds(Math.Clamp(request.WaitSeconds, 0, options.LeaseLength.TotalSeconds / 3));
        using var waiter = database.Wakeups.Listen(JobStore.ControlKey(job.Id));
        while (true)
        {
            var current = await database.ReadAsync(transaction => JobStore.FindByRunAsync(transaction, run, ct), ct);
            if (current is null || current.State != JobState.Running || current.Fence != request.Fence)
            {
                throw Lost(run);
            }

            var left = most - time.GetElapsedTime(began);
            if (current.Control != request.Control || left <= TimeSpan.Zero)
            {
                return new Renewal
                {
                    LeaseSeconds = options.LeaseLength.TotalSeconds,
                    TimeoutSeconds = current.TimeoutSeconds,
                    Stop = current.IsStopping,
                    Control = current.Control,
                };
            }

            await waiter.WaitAsync(left < LookAgain ? left : LookAgain, ct);
        }
    }

    /// <summary>
    /// 1 check what was sent, 2 store what is new, 3 when the run is over make its result and settle the job. Whatever step this process dies at, the node's repeated report
    /// does the rest.
    /// </summary>
    /// <exception cref="RefusedException">The lease is lost, or the report is not what a node may send.</exception>
    public async Task<RunReceipt> ReportAsync(RunId run, Address node, RunReport report, CancellationToken ct)
    {
        // 1
        var events = report.Events.Select(RunEventOnWire.Read).ToList();
        if (!report.Logs.IsEmpty)
        {
            // Nobody else makes the server unpack anything.
            var job = await database.ReadAsync(transaction => OwnJobAsync(transaction, run, node, report.Fence, ct), ct);
            LogLines.Check(report.Logs, job.IsConfidential);
        }

        var result = report.Result is { } bytes ? await KeepResultAsync(run, node, report.Fence, bytes, ct) : (ContentId?)null;

        // 2
        var row = await database.WriteAsync(transaction => StoreAsync(transaction, run, node, report, events, result, ct), ct);

        // 3
        var isSettled = row.Outcome is not null || (row.IsOver && await SettleAsync(row, ct));
        return new RunReceipt { LastEvent = row.LastNumber, LastLines = row.LastLines, IsSettled = isSettled };
    }

    /// <summary>The row of a run that the node may still speak of.</summary>
    internal static async Task<RunRow> OwnAsync(Transaction transaction, RunId run, Address node, long fence, CancellationToken ct)
    {
        var row = await RunStore.FindAsync(transaction, run, ct) ?? throw RefusedException.NotFound($"There is no run {run} here.");
        if (row.Node != node)
        {
            throw RefusedException.NotAllowed($"The run {run} is another node's.");
        }

        return row.Fence == fence && row.Outcome != RunEnds.ByMarket ? row : throw Lost(run);
    }

    /// <summary>The number of the job whose run this is, when the node has it under its lease and it has not ended.</summary>
    /// <exception cref="RefusedException">It has not; a run that lost its lease adds nothing.</exception>
    public static async Task<long> LiveAsync(Transaction transaction, RunId run, Address node, long fence, CancellationToken ct)
    {
        var row = await OwnAsync(transaction, run, node, fence, ct);
        var job = await JobStore.FindByRunAsync(transaction, run, ct);
        return row is { Outcome: null, IsOver: false } && job is { IsAccepted: true } && job.Run == run ? row.Job : throw Lost(run);
    }

    internal static RefusedException Lost(RunId run) =>
        new(ProblemTypes.LeaseLost, $"The run {run} is no longer this node's: its lease ran out or its job ended. Stop its containers and forget it.");

    private async Task<Job> RenewAsync(Transaction transaction, RunId run, Address node, long fence, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var job = await JobStore.TakeByRunAsync(transaction, run, ct) ?? throw RefusedException.NotFound($"There is no run {run} here.");
        await OwnAsync(transaction, run, node, fence, ct);
        NodeStore.Seen(transaction, node, now);
        return await changes.ApplyAsync(transaction, job, new JobChange.Renewed(now, fence, now + options.LeaseLength), [], ct) ?? throw Lost(run);
    }

    private static async Task<Job> OwnJobAsync(Transaction transaction, RunId run, Address node, long fence, CancellationToken ct)
    {
        await OwnAsync(transaction, run, node, fence, ct);
        return (await JobStore.FindByRunAsync(transaction, run, ct))!;
    }

    // It is content before the last event is stored, so that whoever settles the run finds it.
    private async Task<ContentId> KeepResultAsync(RunId run, Address node, long fence, byte[] made, CancellationToken ct)
    {
        var job = await database.ReadAsync(transaction => OwnJobAsync(transaction, run, node, fence, ct), ct);
        return job.IsConfidential ? await content.PutAsync(made, ct) : throw RefusedException.Bad("Only the node of a confidential job makes its result; others are made here.");
    }

    /// <summary>Stores what is new of the report; the row as it is then.</summary>
    private async Task<RunRow> StoreAsync(Transaction transaction, RunId run, Address node, RunReport report, List<RunEventOnWire> events, ContentId? result, CancellationToken ct)
    {
        var job = await JobStore.TakeByRunAsync(transaction, run, ct) ?? throw RefusedException.NotFound($"There is no run {run} here.");
        var before = await OwnAsync(transaction, run, node, report.Fence, ct);
        if (before.Outcome is not null)
        {
            return before;
        }

        if (!job.IsAccepted || job.Run != run)
        {
            throw Lost(run);
        }

        var (after, told) = Take(before, job.Attempt, report, events);
        if (told.Count == 0)
        {
            return before;
        }

        after = after with { Result = result?.ToString() ?? after.Result };
        if (after.LastLines.Count > MostOperations || after.Bytes > MostBytes)
        {
            throw new RefusedException(ProblemTypes.TooLarge, "The run has told more than a run may.");
        }

        RunStore.Advance(transaction, after);
        JobStore.Save(transaction, job, job, time.GetUtcNow(), told);
        return after;
    }

    /// <summary>What of a report is new: what goes on where the run's lines and events end. The rest is passed over.</summary>
    private static (RunRow After, List<JobEvent> Told) Take(RunRow run, int attempt, RunReport report, List<RunEventOnWire> events)
    {
        var told = new List<JobEvent>();

        // Readers know a run by its first event, before any line of it; all other events come after the lines that were written before them.
        Tell(events.Where(happened => happened.Number == 1));
        foreach (var chunk in report.Logs)
        {
            if (chunk.First == run.LastLines.GetValueOrDefault(chunk.Operation.Value) + 1)
            {
                run = run with { LastLines = run.LastLines.SetItem(chunk.Operation.Value, chunk.Last), Bytes = run.Bytes + chunk.Size };
                told.Add(new LogWritten(run.Run, attempt, chunk));
            }
        }

        Tell(events);
        return (run, told);

        void Tell(IEnumerable<RunEventOnWire> some)
        {
            foreach (var happened in some)
            {
                if (happened.Number == run.LastNumber + 1 && !run.IsOver)
                {
                    run = run with { LastNumber = happened.Number, Bytes = run.Bytes + happened.Size, IsOver = happened.IsEnd };
                    told.Add(new RunReported(run.Run, attempt, happened.Json));
                }
            }
        }
    }

    /// <summary>Makes the result of a run that is over and settles its job; false when its lease was lost meanwhile.</summary>
    private async Task<bool> SettleAsync(RunRow run, CancellationToken ct)
    {
        var (state, isConfidential) = await database.ReadAsync(
            async transaction => (await RunStore.StateAsync(transaction, run, ct), (await JobStore.FindByRunAsync(transaction, run.Run, ct))!.IsConfidential), ct);
        var outcome = state.Outcome ?? RunOutcome.Failed;
        var result = await ResultAsync(run, isConfidential, state, outcome, ct);
        return await database.WriteAsync(
            async transaction =>
            {
                var job = (await JobStore.TakeByRunAsync(transaction, run.Run, ct))!;
                if ((await RunStore.FindAsync(transaction, run.Run, ct))?.Outcome is { } before)
                {
                    // Two reports of the end at once: the other was first, or the market was.
                    return before != RunEnds.ByMarket;
                }

                var elsewhere = outcome == RunOutcome.Refused && await NodeStore.CouldFitAsync(transaction, job with { RefusedBy = job.Node }, ct);
                var over = new JobChange.RunOver(time.GetUtcNow(), run.Fence, outcome, state.Message, elsewhere);
                return await changes.ApplyAsync(transaction, job with { Result = result?.ToString() }, over, [], ct) is not null;
            },
            ct);
    }

    // An attempt that came to nothing has no result: the job may have one later.
    private async Task<ContentId?> ResultAsync(RunRow run, bool isConfidential, RunState state, RunOutcome outcome, CancellationToken ct)
    {
        if (outcome is RunOutcome.Lost or RunOutcome.Refused)
        {
            return null;
        }

        if (isConfidential)
        {
            return run.Result is { } made ? ContentId.Parse(made, null) : null;
        }

        return await SpoolFile.PutAsync(content, file => RunResult.WriteAsync(file, state with { Outcome = outcome }, run, database, content, ct), ct);
    }
}
