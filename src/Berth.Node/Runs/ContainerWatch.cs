using Berth.Containers;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>
/// Follows a container that was started to its end: keeps its log, asks its health checks, and brings it to an end when it is told to
/// stop, its time is up or a check wants it started again.
/// </summary>
internal sealed class ContainerWatch(RunContainer operation, RunScope scope, StopSignal stop, LogPump pump, Action ready)
{
    private static readonly TimeSpan CleanupPatience = TimeSpan.FromMinutes(2);
    private readonly string _container = scope.Names.Container(operation.Index);

    private RunJournal Journal => scope.Journal;

    private OperationState State => Journal.StateOf(operation.Id);

    /// <summary>Returns when the container has ended and all it wrote is kept.</summary>
    public async Task<WatchedEnd> FollowAsync(ContainerArguments arguments, ContainerStatus status)
    {
        var ending = status.HasEnded ? Task.FromResult(status) : WaitForEndAsync(CancellationToken.None);
        var logging = KeepLogAsync(follow: !status.HasEnded);
        var isExpired = await StayAsync(arguments, status, ending);
        await Task.WhenAll(ending, logging);
        var ended = await ending;
        pump.FlushToDisk();
        var wantsRestart = State.IsFailing;
        var exit = (ContainerExited)Journal.Append(new ContainerExited(operation.Id, _container, ended.ExitCode)
        {
            OutOfMemory = ended.OutOfMemory,
            State = new EngineState(ended.State, ended.ExitCode, ended.OutOfMemory, ended.Error, ended.StartedAt, ended.FinishedAt),
        });
        var hadNoMoreTime = stop.Reason is null && !wantsRestart && operation.Execution.Timeout <= ended.FinishedAt - ended.StartedAt;
        return new WatchedEnd(exit, wantsRestart, isExpired || hadNoMoreTime);
    }

    /// <summary>Stays with the running container until it has ended; true when it was brought to an end because its time was up.</summary>
    private async Task<bool> StayAsync(ContainerArguments arguments, ContainerStatus status, Task<ContainerStatus> ending)
    {
        using var health = new HealthWatch(operation.Id, Journal, scope.Request.Limits.Health, scope.Time);
        using var ended = new CancellationTokenSource();
        using var stopped = CancellationTokenSource.CreateLinkedTokenSource(stop.Ended, ended.Token);
        var stopping = Task.Delay(Timeout.InfiniteTimeSpan, scope.Time, stopped.Token);
        var expiring = LongWait.ForAsync(status.IsRunning ? TimeLeft() : TimeSpan.MaxValue, scope.Time, ended.Token);
        var failing = State.IsFailing ? Task.CompletedTask
            : status.Address is { } address && status.IsRunning ? health.WatchAsync(arguments.Exposures, address, MarkReady, MayRestartFor, ended.Token)
            : Task.Delay(Timeout.InfiniteTimeSpan, scope.Time, ended.Token);
        if (arguments.Exposures.All(exposure => exposure.HealthChecks.IsEmpty))
        {
            MarkReady();
        }

        var first = await Task.WhenAny(ending, stopping, expiring, failing);
        if (first == failing)
        {
            await failing;
            if (!State.IsFailing)
            {
                Journal.Append(new ContainerFailing(operation.Id, _container));
            }
        }

        if (first != ending)
        {
            await BringToEndAsync();
        }

        await Task.WhenAny(ending);
        await ended.CancelAsync();
        await Task.WhenAny(failing);
        return first == expiring;
    }

    private bool MayRestartFor(HealthCheck failing) => failing.MaxRestarts is not { } most || State.Restart < most;

    private TimeSpan TimeLeft() => operation.Execution.Timeout is { } most
        ? most - (scope.Time.GetUtcNow() - (State.RunningSince ?? scope.Time.GetUtcNow()))
        : TimeSpan.MaxValue;

    private void MarkReady()
    {
        if (!State.IsReady)
        {
            Journal.Append(new OperationReady(operation.Id));
        }

        ready();
    }

    private async Task BringToEndAsync()
    {
        try
        {
            await scope.Outage.PatientlyAsync(
                async () =>
                {
                    await scope.Engine.StopAsync(_container, scope.Request.Limits.StopGrace, stop.AtOnce);
                    return true;
                },
                CancellationToken.None);
        }
        catch (OperationCanceledException)
        {
            using var limit = new CancellationTokenSource(CleanupPatience, scope.Time);
            await scope.Engine.KillAsync(_container, limit.Token);
        }
    }

    private async Task<ContainerStatus> WaitForEndAsync(CancellationToken ct)
    {
        try
        {
            return await scope.Engine.WaitAsync(_container, ct);
        }
        catch (EngineException away) when (away.Fault == EngineFault.Unreachable)
        {
            await scope.Outage.WaitUntilBackAsync(away, ct);
        }

        return await scope.Engine.InspectAsync(_container, ct) switch
        {
            { IsRunning: true } => await WaitForEndAsync(ct),
            { } ended when scope.Outage.BackAt is not { } back || ended.FinishedAt >= back => ended,
            _ => throw new EngineException(EngineFault.Unreachable, $"The container of {operation.Id} ended while the engine was away; nobody can say how."),
        };
    }

    // A container whose log can no longer be kept is brought to an end. Of an engine that is gone the wait for the end tells.
    private async Task KeepLogAsync(bool follow)
    {
        try
        {
            await pump.DrainAsync(_container, follow, CancellationToken.None);
        }
        catch (Exception broken) when (broken is IOException or EngineException { Fault: not EngineFault.Unreachable })
        {
            stop.Request(StopReason.NodeShutdown);
            throw;
        }
    }
}

/// <summary>How a container that was followed ended.</summary>
internal sealed record WatchedEnd(ContainerExited Exit, bool WantsRestart, bool IsOutOfTime);
