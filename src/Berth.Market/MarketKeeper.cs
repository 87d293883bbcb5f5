using Berth.Jobs;
using Berth.Market.Jobs;
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
    Database database, JobChanges changes, LogArchive archive, NonceStore nonces, MarketOptions options, TimeProvider time, ILogger<MarketKeeper> logger) : BackgroundService
{
    private const int AtOnce = 100;
    private const int ForgetEvery = 60;

    /// <summary>One look at everything that may be overdue.</summary>
    public async Task KeepAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        while (await EndSomeAsync(now, ct))
        {
            // More than are looked at in one go are overdue.
        }

        await archive.ArchiveAsync(ct);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.KeepEvery, time);
        for (var turn = 0; await WaitAsync(timer, stoppingToken); turn++)
        {
            try
            {
                await KeepAsync(stoppingToken);
                if (turn % ForgetEvery == 0)
                {
                    await nonces.ForgetOldAsync(stoppingToken);
                    await database.WriteAsync(transaction => NodeStore.ForgetWaitersAsync(transaction, time.GetUtcNow(), stoppingToken), stoppingToken);
                }
            }
            catch (StorageException away)
            {
                LogAway(away.Message);
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
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
        && (await changes.ApplyAsync(transaction, job, new JobChange.LeaseLapsed(now), [], ct)
            ?? await changes.ApplyAsync(transaction, job, new JobChange.HandoverLate(now), [], ct)
            ?? await changes.ApplyAsync(transaction, job, new JobChange.TimeRanOut(now), [], ct)) is not null;

    [LoggerMessage(LogLevel.Information, "The lease or the time of job {Job} ran out")]
    private partial void LogOverdue(JobId job);

    [LoggerMessage(LogLevel.Warning, "Nothing could be kept in order: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(LogLevel.Error, "A turn of the keeper failed; the next will be tried")]
    private partial void LogFault(Exception fault);
}
