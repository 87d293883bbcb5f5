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
/// Does what time brings: ends leases that lapsed and jobs whose time is up, matches what waits on both sides, puts logs of ended jobs to rest, forgets what has expired. Any number
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
        foreach (var id in await database.ReadAsync(transaction => JobStore.OverdueAsync(transaction, now, AtOnce, ct), ct))
        {
            await database.WriteAsync(
                async transaction =>
                {
                    if (await JobStore.TakeAsync(transaction, id, ct) is { } job)
                    {
                        _ = await changes.ApplyAsync(transaction, job, new JobChange.LeaseLapsed(now), [], ct)
                            ?? await changes.ApplyAsync(transaction, job, new JobChange.TimeRanOut(now), [], ct);
                    }
                },
                ct);
            LogOverdue(id);
        }

        foreach (var market in await database.ReadAsync(transaction => MarketStore.WaitingOnBothSidesAsync(transaction, now, ct), ct))
        {
            await database.WriteAsync(transaction => MatchAsync(transaction, market.Number, now, ct), ct);
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

    // A pair that missed each other, or a job that waits for a fit and a node that came since.
    private async Task MatchAsync(Transaction transaction, long market, DateTimeOffset now, CancellationToken ct)
    {
        await database.Dialect.HoldMarketAsync(transaction, market, alone: true, ct);
        foreach (var (slot, claim) in await NodeStore.WaitingAsync(transaction, market, now, AtOnce, ct))
        {
            if (await JobStore.TakeOldestAsync(transaction, market, slot, ct) is { } job)
            {
                await NodeStore.LeaveAsync(transaction, claim, ct);
                await changes.LeaseAsync(transaction, job, slot, claim, now, ct);
                transaction.Wake(NodeStore.ClaimKey(claim));
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "The lease or the time of job {Job} ran out")]
    private partial void LogOverdue(Berth.Jobs.JobId job);

    [LoggerMessage(LogLevel.Warning, "Nothing could be kept in order: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(LogLevel.Error, "A turn of the keeper failed; the next will be tried")]
    private partial void LogFault(Exception fault);
}
