using System.Collections.Immutable;
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

    /// <summary>A run's log may be a little more than the largest that nodes keep.</summary>
    private const long MostLogBytes = 12L << 30;

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
        foreach (var chunk in report.Logs)
        {
            LogLines.Check(chunk);
        }

        // 2
        var (receipt, isOver) = await database.WriteAsync(transaction => StoreAsync(transaction, run, node, report, events, ct), ct);

        // 3
        return isOver ? await SettleAsync(run, report.Fence, receipt, ct) : receipt;
    }

    private static RefusedException Lost(RunId run) =>
        new(ProblemTypes.LeaseLost, $"The run {run} is no longer this node's: its lease ran out or its job ended. Stop its containers and forget it.");

    private async Task<Job> RenewAsync(Transaction transaction, RunId run, Address node, long fence, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var job = await JobStore.TakeByRunAsync(transaction, run, ct) ?? throw RefusedException.NotFound($"There is no run {run} here.");
        if (job.Node != node || job.Run != run)
        {
            throw Lost(run);
        }

        await NodeStore.SeenAsync(transaction, node, now, ct);
        return await changes.ApplyAsync(transaction, job, new JobChange.Renewed(now, fence, now + options.LeaseLength), [], ct) ?? throw Lost(run);
    }

    private async Task<(RunReceipt Receipt, bool IsOver)> StoreAsync(
        Transaction transaction, RunId run, Address node, RunReport report, List<RunEventOnWire> events, CancellationToken ct)
    {
        var job = await JobStore.TakeByRunAsync(transaction, run, ct) ?? throw RefusedException.NotFound($"There is no run {run} here.");
        var row = (await RunStore.FindAsync(transaction, run, ct))!;
        if (row.Node != node || row.Fence != report.Fence || row.Outcome == RunEnds.ByMarket)
        {
            throw Lost(run);
        }

        var lines = await RunStore.LastLinesAsync(transaction, run, ct);
        if (row.Outcome is not null)
        {
            return (new RunReceipt { LastEvent = row.LastNumber, LastLines = lines, IsSettled = true }, false);
        }

        if (!job.IsAccepted || job.Run != run)
        {
            throw Lost(run);
        }

        var told = new List<JobEvent>();
        foreach (var chunk in report.Logs)
        {
            if (chunk.First != lines.GetValueOrDefault(chunk.Operation.Value) + 1)
            {
                continue;
            }

            lines = lines.SetItem(chunk.Operation.Value, chunk.Last);
            told.Add(new LogWritten(run, job.Attempt, chunk));
        }

        if (lines.Count > MostOperations || (report.Logs.Length > 0 && await RunStore.LogBytesAsync(transaction, run, ct) > MostLogBytes))
        {
            throw new RefusedException(ProblemTypes.TooLarge, "The run has more log than a run may have.");
        }

        var last = row.LastNumber;
        var isOver = false;
        foreach (var happened in events)
        {
            if (happened.Number == last + 1)
            {
                last++;
                told.Add(new RunReported(run, job.Attempt, happened.Json));
            }

            isOver |= happened.IsEnd && happened.Number <= last;
        }

        if (told.Count > 0)
        {
            await RunStore.AdvanceAsync(transaction, run, last, ct);
            await JobStore.SaveAsync(transaction, job, job, time.GetUtcNow(), told, ct);
        }

        isOver |= report.Events.IsEmpty && await RunStore.HasEndedAsync(transaction, job, run, last, ct);
        return (new RunReceipt { LastEvent = last, LastLines = lines }, isOver);
    }

    private async Task<RunReceipt> SettleAsync(RunId run, long fence, RunReceipt receipt, CancellationToken ct)
    {
        var (state, job) = await database.ReadAsync(
            async transaction =>
            {
                var job = (await JobStore.FindByRunAsync(transaction, run, ct))!;
                return (await RunStore.StateAsync(transaction, job, run, ct), job);
            },
            ct);
        if (state.Outcome is not { } outcome)
        {
            return receipt;
        }

        using var result = new MemoryStream();
        await RunResult.WriteAsync(result, state, run, database, content, ct);
        var id = await content.PutAsync(result.ToArray(), ct);
        await database.WriteAsync(
            async transaction =>
            {
                var current = await JobStore.TakeAsync(transaction, job.Id, ct);
                if (current is null || current.Fence != fence || current.Run != run)
                {
                    return;
                }

                var elsewhere = outcome == RunOutcome.Refused && await NodeStore.CouldFitAsync(transaction, current with { RefusedBy = current.Node }, ct);
                await changes.ApplyAsync(
                    transaction, current with { Result = id.ToString() }, new JobChange.RunOver(time.GetUtcNow(), fence, outcome, state.Message, elsewhere), [], ct);
            },
            ct);
        return receipt with { IsSettled = true };
    }
}
