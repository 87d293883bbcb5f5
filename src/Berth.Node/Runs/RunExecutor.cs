using Berth.Containers;
using Berth.Jobs.Definitions;
using Berth.Jobs.Planning;
using Berth.Jobs.Results;
using Berth.Node.Exposure;

namespace Berth.Node.Runs;

/// <summary>
/// Executes runs: the same for <c>berth run</c> and for a node on a network. Everything it means to do is in the run's journal first, so a run
/// whose process died goes on where it was when it is executed again with the same folder.
/// </summary>
public sealed class RunExecutor(IContainerEngine engine, string node, TimeProvider time)
{
    private static readonly TimeSpan CleanupPatience = TimeSpan.FromMinutes(3);
    private readonly NetworkGuard _guard = new(time);

    /// <summary>
    /// 1 open the journal, 2 make and guard the network while 3 the stages begin, 4 unmake everything, 5 say how the run ended.
    /// A run that has ended already is returned as it is. The caller owns the folder.
    /// </summary>
    public async Task<RunState> ExecuteAsync(RunRequest request, RunAdmission admission, RunFolder folder, IRunWatcher watcher, StopSignal stop)
    {
        // 1
        using var journal = RunJournal.Open(folder.Journal, time, watcher.Happened);
        if (journal.State.IsEnded)
        {
            return journal.State;
        }

        var names = new RunNames(node, request.Run, request.Job);
        var plan = RunPlan.For(request.Definition);
        var failure = (Exception?)null;
        var removals = new List<Task>();
        var network = Task.CompletedTask;
        using var late = new CancellationTokenSource();
        await using var expiry = late.Token.Register(() => stop.Request(StopReason.Expired));
        await using var stopping = stop.Ended.Register(() => journal.Append(new RunStopping(stop.Reason ?? StopReason.StoppedByClient)));
        try
        {
            Announce(journal, request, plan, admission);
            using var timer = TimeLeft(journal.State) is { } left ? time.CreateTimer(_ => late.Cancel(), null, left, Timeout.InfiniteTimeSpan) : null;
            if (journal.State.Stopping is { } before)
            {
                stop.Request(before);
            }

            // 2
            network = MakeNetworkAsync(journal, names);
            var scope = new RunScope(request, names, folder, engine, journal, watcher, time)
            {
                Ceiling = admission.Ceiling,
                Gpu = admission.Gpu,
                Network = network,
                Logs = new LogAllowance(request.Limits.LogTotal),
                Outage = new EngineOutage(engine, journal, request.Limits.EnginePatience, time),
            };

            // 3
            foreach (var stage in plan.Stages)
            {
                await MakeVolumesAsync(scope, stage);
                await new StageRun(stage, scope, stop, operation => removals.Add(UnmakeAsync(operation))).RunAsync();
            }
        }
        catch (Exception broken) when (broken is EngineException or IOException)
        {
            failure = broken;
            stop.Request(StopReason.NodeShutdown);
        }

        // 4
        await CleanUpAsync(journal, names, network, removals);

        // 5
        journal.Append(Ending(journal.State, stop, failure));
        return journal.State;
    }

    private static void Announce(RunJournal journal, RunRequest request, RunPlan plan, RunAdmission admission)
    {
        if (journal.State.Run is not null)
        {
            journal.Append(new RunResumed());
            return;
        }

        journal.Append(new RunStarted
        {
            Run = request.Run,
            Job = request.Job,
            Timeout = request.Timeout,
            Operations =
            [
                .. from stage in plan.Stages
                   from planned in stage.Operations
                   orderby planned.Operation.Index
                   select new OperationOutline(planned.Id, stage.Name, planned.Operation is RunContainer),
            ],
        });
        foreach (var warning in admission.Warnings)
        {
            journal.Append(new Notice(NoticeLevel.Warning, warning));
        }
    }

    private TimeSpan? TimeLeft(RunState state)
    {
        if (state.Timeout is not { } most || state.StartedAt is not { } started)
        {
            return null;
        }

        var left = most - (time.GetUtcNow() - started);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private async Task MakeNetworkAsync(RunJournal journal, RunNames names)
    {
        if (journal.State.Network is null)
        {
            journal.Append(new NetworkCreating(names.Network));
        }

        var network = await engine.CreateNetworkAsync(new NetworkSpec(names.Network, names.Bridge, names.Labels()), CancellationToken.None);
        if (await _guard.RaiseAsync(network, CancellationToken.None) is { } fault)
        {
            journal.Append(new Notice(NoticeLevel.Warning, $"This job can reach the machine and the private network around it: {fault}."));
        }
    }

    // A volume that is mounted and that no operation creates is the run's all the same, and must be known before the engine makes it by itself.
    private async Task MakeVolumesAsync(RunScope scope, Stage stage)
    {
        var mounted =
            from planned in stage.Operations
            where planned.Operation is RunContainer
            from volume in ((RunContainer)planned.Operation).Arguments.Volumes
            select scope.Names.Volume(volume.Name);
        foreach (var name in mounted.Distinct().Where(name => !scope.Journal.State.Volumes.Contains(name)))
        {
            scope.Journal.Append(new VolumeCreating(name));
            await engine.CreateVolumeAsync(new VolumeSpec(name, scope.Names.Labels()), CancellationToken.None);
        }
    }

    private static async Task UnmakeAsync(ContainerOperation operation)
    {
        using (operation)
        {
            await operation.RemoveAsync();
        }
    }

    private async Task CleanUpAsync(RunJournal journal, RunNames names, Task network, List<Task> removals)
    {
        using var limit = new CancellationTokenSource(CleanupPatience, time);
        await Task.WhenAny(network);
        var left = journal.State.Operations.Where(operation => operation is { Container: not null, End: null });
        removals.AddRange(left.Select(operation => TryAsync(journal, operation.Container!, () => engine.RemoveAsync(operation.Container!, limit.Token))));
        var containers = Task.WhenAll(removals);
        await Task.WhenAll(
            RemoveNetworkAsync(containers, journal, names, limit.Token),
            TryAsync(journal, names.Bridge, () => _guard.LowerAsync(names.Bridge, limit.Token)));
        await Task.WhenAll(journal.State.Volumes.Select(volume => TryAsync(journal, volume, () => engine.RemoveVolumeAsync(volume, limit.Token))));
    }

    private async Task RemoveNetworkAsync(Task containers, RunJournal journal, RunNames names, CancellationToken ct)
    {
        if (journal.State.Network is null)
        {
            await containers;
            return;
        }

        // Containers that have ended hold no place on the network, so both can usually go at once.
        try
        {
            await engine.RemoveNetworkAsync(names.Network, ct);
            await containers;
        }
        catch (EngineException)
        {
            await containers;
            await TryAsync(journal, names.Network, () => engine.RemoveNetworkAsync(names.Network, ct));
        }
    }

    private static async Task TryAsync(RunJournal journal, string name, Func<Task> remove)
    {
        try
        {
            await remove();
        }
        catch (Exception fault) when (fault is EngineException or OperationCanceledException)
        {
            journal.Append(new Notice(NoticeLevel.Warning, $"{name} could not be removed ({fault.Message}); berth prune removes it."));
        }
    }

    private static RunEnded Ending(RunState state, StopSignal stop, Exception? failure)
    {
        if (failure is not null)
        {
            return new RunEnded(RunOutcome.Lost) { Message = failure.Message };
        }

        var failed = state.Operations.FirstOrDefault(operation => operation.Outcome == OperationOutcome.Failed);
        return (failed, stop.Reason) switch
        {
            ({ } operation, _) => new RunEnded(RunOutcome.Failed) { Message = Words(operation) },
            (null, StopReason.Expired) => new RunEnded(RunOutcome.Expired) { Message = $"The job's time of {state.Timeout?.TotalSeconds:0} s was up." },
            (null, StopReason.StoppedByClient) => new RunEnded(RunOutcome.StoppedByClient) { Message = "The job was stopped." },
            (null, StopReason.NodeShutdown) => new RunEnded(RunOutcome.Lost) { Message = "The node went down." },
            _ => new RunEnded(RunOutcome.Succeeded),
        };
    }

    private static string Words(OperationState failed) => failed.End?.Error is { } error
        ? $"Operation '{failed.Id}' failed. {error.Message}"
        : $"Operation '{failed.Id}' failed with exit code {failed.End?.ExitCode}.";
}
