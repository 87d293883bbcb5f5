using System.Collections.Immutable;
using System.Net;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Node.Exposure;

namespace Berth.Node.Runs;

/// <summary>
/// Asks the health checks of one container for as long as it runs: quickly until a port passes all of its checks, then the continuous
/// ones at a steady pace. Ports without checks are never asked and count as passed.
/// </summary>
internal sealed class HealthWatch(OperationId operation, RunJournal journal, HealthPace pace, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ContinuousPatience = TimeSpan.FromSeconds(20);
    private readonly HealthProbe _probe = new(time);

    /// <summary>
    /// Runs until cancelled. <paramref name="ready"/> is called once, when every port has passed. It ends by itself when a check failed
    /// because of which the container must, and by <paramref name="mayRestart"/> may, be started again.
    /// </summary>
    public async Task WatchAsync(
        ImmutableArray<Jobs.Definitions.Exposure> exposures, IPAddress address, Action ready, Func<HealthCheck, bool> mayRestart, CancellationToken ct)
    {
        var watched = exposures.Where(exposure => exposure.FirstPort == exposure.LastPort && !exposure.HealthChecks.IsEmpty).ToArray();
        var starting = watched.Length;
        if (starting == 0)
        {
            ready();
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var watches = watched.Select(exposure => WatchPortAsync(exposure, new IPEndPoint(address, exposure.FirstPort), Started, mayRestart, ended.Token)).ToArray();
        await Task.WhenAny(watches.Append(Task.Delay(Timeout.InfiniteTimeSpan, time, ct)));
        await ended.CancelAsync();
        await Task.WhenAny(Task.WhenAll(watches));
        ct.ThrowIfCancellationRequested();
        await (watches.FirstOrDefault(watch => watch.IsFaulted) ?? Task.CompletedTask);

        void Started()
        {
            if (Interlocked.Decrement(ref starting) == 0)
            {
                ready();
            }
        }
    }

    public void Dispose() => _probe.Dispose();

    private async Task WatchPortAsync(
        Jobs.Definitions.Exposure exposure, IPEndPoint service, Action started, Func<HealthCheck, bool> mayRestart, CancellationToken ct)
    {
        for (var pause = pace.First; await FirstFailureAsync(exposure.HealthChecks, service, StartPatience, ct) is not null; pause = Min(pause * 2, pace.Longest))
        {
            await Task.Delay(pause, time, ct);
        }

        journal.Append(new EndpointHealthChanged(operation, exposure.Port, EndpointHealth.Online, "all checks passed"));
        started();

        var continuous = exposure.HealthChecks.Where(check => check.Continuous).ToImmutableArray();
        if (continuous.IsEmpty)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, time, ct);
        }

        var isOnline = true;
        var hasSaidEnough = false;
        while (true)
        {
            await Task.Delay(pace.Continuous, time, ct);
            var failure = await FirstFailureAsync(continuous, service, ContinuousPatience, ct);
            if (failure is null != isOnline)
            {
                isOnline = failure is null;
                journal.Append(new EndpointHealthChanged(
                    operation, exposure.Port, isOnline ? EndpointHealth.Online : EndpointHealth.Offline, failure?.Detail ?? "all checks passed again"));
            }

            if (failure is not { Check.RestartOnFailure: true })
            {
                continue;
            }

            if (mayRestart(failure.Check))
            {
                return;
            }

            if (!hasSaidEnough)
            {
                hasSaidEnough = true;
                journal.Append(new Notice(
                    NoticeLevel.Warning, $"Port {exposure.Port} fails its checks and was started again {failure.Check.MaxRestarts} times already; it goes on as it is.", operation));
            }
        }
    }

    private async Task<Failure?> FirstFailureAsync(ImmutableArray<HealthCheck> checks, IPEndPoint service, TimeSpan patience, CancellationToken ct)
    {
        foreach (var check in checks)
        {
            if (await _probe.AskAsync(check, service, patience, ct) is { IsHealthy: false } answer)
            {
                return new Failure(check, answer.Detail);
            }
        }

        return null;
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private sealed record Failure(HealthCheck Check, string Detail);
}
