using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Berth.Market.Storage;

/// <summary>Carries wake-ups between the servers of one database: tells the others what happened here, in batches, and wakes here what they tell.</summary>
internal sealed partial class WakeupRelay(Database database, Wakeups wakeups, TimeProvider time, ILogger<WakeupRelay> logger) : BackgroundService
{
    private const int MostAtOnce = 500;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => database.Dialect.IsShared
        ? Task.WhenAll(Loop(TellAsync, stoppingToken), Loop(ListenAsync, stoppingToken))
        : Task.CompletedTask;

    private async Task Loop(Func<CancellationToken, Task> carry, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await carry(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault) when (fault is DbException or IOException or TimeoutException)
            {
                LogBroken(fault.Message);
                await Task.Delay(Pause, time, stopping).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            }
        }
    }

    private async Task TellAsync(CancellationToken stopping)
    {
        while (await wakeups.Outgoing.WaitToReadAsync(stopping))
        {
            var keys = new HashSet<string>();
            while (keys.Count < MostAtOnce && wakeups.Outgoing.TryRead(out var key))
            {
                keys.Add(key);
            }

            await database.Dialect.TellAsync(keys, stopping);
        }
    }

    private async Task ListenAsync(CancellationToken stopping)
    {
        // Whatever was told while nobody listened here is looked for.
        wakeups.WakeAll();
        await foreach (var key in database.Dialect.ListenAsync(stopping))
        {
            wakeups.WakeHere(key);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Wake-ups between servers are broken, waiters look by themselves: {Reason}")]
    private partial void LogBroken(string reason);
}
