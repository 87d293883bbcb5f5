using Berth.Jobs;
using Berth.Market.Content;
using Berth.Market.Jobs;
using Berth.Market.Markets;
using Berth.Market.Nodes;
using Berth.Market.Requests;
using Berth.Market.Runs;
using Berth.Market.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Berth.Market;

/// <summary>
/// Does what time brings: ends leases that lapsed and jobs whose time is up, puts logs of ended runs to rest, forgets what has expired. Any number
/// of servers may do it at once; each change is made from the state it was decided on, or not at all.
/// </summary>
internal sealed partial class MarketKeeper(
    Database database, JobChanges changes, MarketDesk markets, LogArchive archive, ContentGarbage garbage, NonceStore nonces, MarketOptions options, TimeProvider time, ILogger<MarketKeeper> logger) : BackgroundService
{
    private const int AtOnce = 100;
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan CollectEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan LeavingGrace = TimeSpan.FromHours(6);
    private static readonly TimeSpan IdleUploads = TimeSpan.FromDays(1);

    /// <summary>One look at everything that may be overdue, and at logs that may rest.</summary>
    public async Task KeepAsync(CancellationToken ct)
    {
        await EndOverdueAsync(ct);
        await archive.ArchiveAsync(ct);
    }

    /// <summary>Forgets what has expired or leads nowhere.</summary>
    public async Task SweepAsync(CancellationToken ct)
    {
        await nonces.ForgetOldAsync(ct);
        await database.WriteAsync(transaction => UploadStore.ForgetAsync(transaction, time.GetUtcNow() - IdleUploads, ct), ct);
        await database.WriteAsync(transaction => NodeStore.ForgetWaitersAsync(transaction, time.GetUtcNow(), ct), ct);
        if (options.Keep is { } keep)
        {
            await database.WriteAsync(transaction => JobStore.ForgetAsync(transaction, time.GetUtcNow() - keep, ct), ct);
        }
    }

    /// <summary>Removes contents that nothing refers to any more.</summary>
    public Task<Collected> CollectAsync(CancellationToken ct) => garbage.CollectAsync(ContentGarbage.Usual, isTrial: false, ct);

    // Each in its own time: a log that takes long to archive keeps no lease from ending.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        AgainAndAgainAsync(options.KeepEvery, EndOverdueAsync, stoppingToken),
        AgainAndAgainAsync(options.KeepEvery, archive.ArchiveAsync, stoppingToken),
        AgainAndAgainAsync(SweepEvery, SweepAsync, stoppingToken),
        AgainAndAgainAsync(CollectEvery, CollectAsync, stoppingToken));

    private async Task AgainAndAgainAsync(TimeSpan every, Func<CancellationToken, Task> act, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(every, time);
        while (await WaitAsync(timer, stopping))
        {
            try
            {
                await act(stopping);
            }
            catch (StorageException away)
            {
                LogAway(away.Message);
            }
            catch (Exception fault) when (!stopping.IsCancellationRequested)
            {
                LogFault(fault);
            }
        }
    }

    private static async Task<bool> WaitAsync(PeriodicTimer timer, CancellationToken stopping)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stopping);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task EndOverdueAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        while (await EndSomeAsync(now, ct))
        {
            // More than are looked at in one go are overdue.
        }

        await markets.EmptyClosedAsync(ct);
    }

    private async Task<bool> EndSomeAsync(DateTimeOffset now, CancellationToken ct)
    {
        var overdue = await database.ReadAsync(transaction => JobStore.OverdueAsync(transaction, now, AtOnce, ct), ct);
        var ended = 0;
        foreach (var id in overdue)
        {
            if (await database.WriteAsync(transaction => EndAsync(transaction, id, now, ct), ct))
            {
                ended++;
                LogOverdue(id);
            }
        }

        return ended > 0 && overdue.Count == AtOnce;
    }

    // Another server, or the node, may have been faster.
    private async Task<bool> EndAsync(Transaction transaction, JobId id, DateTimeOffset now, CancellationToken ct) =>
        await JobStore.TakeAsync(transaction, id, ct) is { } job
        && (await changes.ApplyAsync(transaction, job, new JobChange.LeaseLapsed(now, await RunStore.UnacceptedAsync(transaction, job, ct)), [], ct)
            ?? await changes.ApplyAsync(transaction, job, new JobChange.HandoverLate(now), [], ct)
            ?? (await IsLeavingAsync(transaction, job, now, ct) ? null : await changes.ApplyAsync(transaction, job, new JobChange.TimeRanOut(now), [], ct))) is not null;

    // What a job whose time is up leaves behind may take its time to get here; nobody pays for it.
    private static async Task<bool> IsLeavingAsync(Transaction transaction, Job job, DateTimeOffset now, CancellationToken ct) =>
        job is { Run: { } run, StartedAt: { } started } && now < (job.StoppingSince ?? started.AddSeconds(job.TimeoutSeconds)) + LeavingGrace
        && await UploadStore.IsUnderWayAsync(transaction, run, now - JobLifecycle.ReportGrace, ct);

    [LoggerMessage(LogLevel.Information, "The lease or the time of job {Job} ran out")]
    private partial void LogOverdue(JobId job);

    [LoggerMessage(LogLevel.Warning, "Nothing could be kept in order: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(LogLevel.Error, "A turn of the keeper failed; the next will be tried")]
    private partial void LogFault(Exception fault);
}
