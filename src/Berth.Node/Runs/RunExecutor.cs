using System.Collections.Concurrent;
using System.Collections.Immutable;
using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Planning;
using Berth.Jobs.Results;
using Berth.Node.Artefacts;
using Berth.Node.Exposure;
using Berth.Node.Resources;

namespace Berth.Node.Runs;

/// <summary>
/// Executes runs: the same for <c>berth run</c> and for a node on a network. Everything it means to do is in the run's journal first, so a run
/// whose process died goes on where it was when it is executed again with the same folder.
/// </summary>
public sealed class RunExecutor(IContainerEngine engine, string node, ResourceStore resources, TimeProvider time)
{
    private static readonly TimeSpan CleanupPatience = TimeSpan.FromMinutes(3);
    private readonly NetworkGuard _guard = new(time);

    /// <summary>The seam for a disk that is full.</summary>
    internal Func<string, FileStream> OpenJournal { get; init; } = RunJournal.OpenFile;

    /// <summary>
    /// 1 open the journal, 2 make and guard the network while 3 the stages begin, 4 say how the run ended, which nobody has to wait longer for, 5 unmake everything.
    /// A run that has ended already is only unmade. The caller owns the folder.
    /// </summary>
    public async Task<RunState> ExecuteAsync(RunRequest request, RunAdmission admission, RunFolder folder, IRunWatcher watcher, StopSignal stop)
    {
        // 1
        using var journal = RunJournal.Open(folder.Journal, time, watcher.Happened, OpenJournal, folder.Seal, request.Secrets.Mask);
        var names = new RunNames(node, request.Run, request.Job);
        var removals = new ConcurrentDictionary<string, Task>();
        if (journal.State.IsEnded)
        {
            await CleanUpAsync(journal, names, Task.CompletedTask, removals);
            return journal.State;
        }

        var plan = RunPlan.For(request.Definition);
        var failure = (Exception?)null;
        var guard = Task.CompletedTask;
        var expiry = Task.CompletedTask;
        using var over = new CancellationTokenSource();
        var stopping = stop.Ended.Register(() => journal.Note(new RunStopping(stop.Reason ?? StopReason.StoppedByClient)));
        try
        {
            Announce(journal, request, plan, admission);
            if (journal.State.Stopping is { } before)
            {
                stop.Request(before);
            }

            expiry = ExpireAsync(journal, request.Extension, stop, over.Token);

            // 2
            var network = MakeNetworkAsync(journal, names);
            guard = GuardAsync(journal, request.Guarding, network, admission.CanPrepareAhead ? names.Bridge : null);
            var scope = new RunScope(request, names, folder, engine, journal, watcher, time)
            {
                Ceiling = admission.Ceiling,
                Gpu = admission.Gpu,
                Network = admission.CanPrepareAhead ? Task.CompletedTask : network,
                Guard = guard,
                Logs = new LogAllowance(request.Limits.LogTotal - KeptBefore(journal.State, request, folder)),
                Resources = resources,
                SeesFolders = admission.SeesFolders,
                Outage = new EngineOutage(engine, journal, request.Limits.EnginePatience, time),
                Outputs = request.Outputs ?? new OutputFolders(request.OutputDirectory, request.Limits),
            };

            // 3
            foreach (var stage in plan.Stages)
            {
                await new StageRun(stage, scope, stop, operation => Unmake(operation, removals)).RunAsync();
            }
        }
        catch (Exception broken) when (broken is EngineException or IOException or UnauthorizedAccessException)
        {
            failure = broken;
            stop.Request(StopReason.NodeShutdown);
            GiveUp(journal, broken);
        }

        await over.CancelAsync();
        await expiry;
        await stopping.DisposeAsync();

        // 4
        End(journal, stop, failure);

        // 5
        await CleanUpAsync(journal, names, guard, removals);
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
                   select new OperationOutline(planned.Id, stage.Name, planned.Operation is RunContainer) { PrivateEndpoints = DrawEndpoints(planned.Operation) },
            ],
        });
        foreach (var warning in admission.Warnings.Concat(request.Secrets.Unmasked.Select(Unmasked)))
        {
            journal.Append(new Notice(NoticeLevel.Warning, warning));
        }
    }

    private static string Unmasked(string secret) => $"The secret {secret} is shorter than {SecretMask.ShortestMasked} bytes and is not masked in the log.";

    // Drawn before the first operation begins, whose placeholders may ask for them.
    private static ImmutableDictionary<string, string>? DrawEndpoints(Operation operation) => operation is RunContainer { Arguments: { Private: true } arguments }
        ? arguments.Exposures.DistinctBy(exposure => exposure.Port).ToImmutableDictionary(exposure => exposure.Port, _ => EndpointId.Private().Value)
        : null;

    private async Task ExpireAsync(RunJournal journal, RunExtension extension, StopSignal stop, CancellationToken over)
    {
        if (journal.State.StartedAt is not { } started)
        {
            return;
        }

        var before = time.GetUtcNow() - started;
        var since = time.GetTimestamp();
        try
        {
            while (journal.State.Timeout is { } most)
            {
                var longer = extension.BeyondAsync(most, over);
                using var settled = CancellationTokenSource.CreateLinkedTokenSource(over);
                var waiting = LongWait.ForAsync(most - before - time.GetElapsedTime(since), time, settled.Token);
                if (await Task.WhenAny(waiting, longer) == waiting)
                {
                    await waiting;
                    stop.Request(StopReason.Expired);
                    return;
                }

                journal.Note(new RunExtended(await longer));
                await settled.CancelAsync();
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // The run was over in time.
        }
    }

    // The logs of operations that go on count themselves when they are opened again.
    private static long KeptBefore(RunState state, RunRequest request, RunFolder folder) =>
        (from operation in request.Definition.Operations
         let end = state.Find(operation.Id)?.End
         where end is not null
         select RunLog.TextBytesOf(folder.Log(operation.Index), end.LogLines)).Sum();

    private async Task<ContainerNetwork> MakeNetworkAsync(RunJournal journal, RunNames names)
    {
        if (journal.State.Network is null)
        {
            journal.Append(new NetworkCreating(names.Network));
        }

        return await engine.CreateNetworkAsync(new NetworkSpec(names.Network, names.Bridge, names.Labels()), CancellationToken.None);
    }

    private async Task GuardAsync(RunJournal journal, Guarding guarding, Task<ContainerNetwork> network, string? foreseen)
    {
        if (guarding == Guarding.Never)
        {
            await network;
            return;
        }

        if (await _guard.RaiseAsync(network, foreseen, CancellationToken.None) is not { } fault)
        {
            return;
        }

        if (guarding == Guarding.Always)
        {
            throw new UnguardedException($"The job cannot be kept from the machine and the private network around it: {fault}.");
        }

        journal.Append(new Notice(NoticeLevel.Warning, $"This job can reach the machine and the private network around it: {fault}."));
    }

    private static void Unmake(ContainerOperation operation, ConcurrentDictionary<string, Task> removals)
    {
        if (operation.IsRemovable)
        {
            removals[operation.Container] = UnmakeAsync(operation);
        }
        else
        {
            operation.Dispose();
        }
    }

    private static async Task UnmakeAsync(ContainerOperation operation)
    {
        using (operation)
        {
            await operation.RemoveAsync();
        }
    }

    private async Task CleanUpAsync(RunJournal journal, RunNames names, Task guard, ConcurrentDictionary<string, Task> removals)
    {
        using var limit = new CancellationTokenSource(CleanupPatience, time);
        await Task.WhenAny(guard);
        var left = journal.State.Operations.Select(operation => operation.Container).OfType<string>().Where(container => !removals.ContainsKey(container));
        var containers = Task.WhenAll([.. removals.Values, .. left.Select(container => TryAsync(journal, container, () => engine.RemoveAsync(container, limit.Token)))]);
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
        catch (Exception inUse) when (inUse is EngineException or OperationCanceledException)
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
            journal.Note(new Notice(NoticeLevel.Warning, $"{name} could not be removed ({fault.Message}); berth prune removes it."));
        }
    }

    private static void GiveUp(RunJournal journal, Exception failure)
    {
        foreach (var operation in journal.State.Operations.Where(operation => operation.End is null))
        {
            journal.Note(operation.StartedAt is null
                ? new OperationEnded(operation.Id, OperationOutcome.Skipped) { Reason = StopReason.NodeShutdown }
                : new OperationEnded(operation.Id, OperationOutcome.Stopped)
                {
                    Reason = StopReason.NodeShutdown,
                    Error = new OperationError(FaultOf(failure), failure.Message),
                });
        }
    }

    private static OperationFault FaultOf(Exception failure) => failure switch
    {
        EngineException => OperationFault.EngineUnreachable,
        UnguardedException => OperationFault.Engine,
        _ => OperationFault.DiskFull,
    };

    private static void End(RunJournal journal, StopSignal stop, Exception? failure)
    {
        try
        {
            journal.Append(Ending(journal.State, stop, failure ?? journal.Fault));
        }
        catch (IOException full)
        {
            journal.Append(Ending(journal.State, stop, full));
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
            (null, _) when state.Operations.All(HasDoneItsPart) => new RunEnded(RunOutcome.Succeeded),
            ({ } operation, _) => new RunEnded(RunOutcome.Failed) { Message = Words(operation) },
            (null, StopReason.Expired) => new RunEnded(RunOutcome.Expired) { Message = $"The job's time of {state.Timeout?.TotalSeconds:0} s was up." },
            (null, StopReason.StoppedByClient) => new RunEnded(RunOutcome.StoppedByClient) { Message = "The job was stopped." },
            (null, StopReason.NodeShutdown) => new RunEnded(RunOutcome.Lost) { Message = "The node went down." },
            (null, StopReason.LeaseLost) => new RunEnded(RunOutcome.Lost) { Message = "The node lost its lease." },
            _ => new RunEnded(RunOutcome.Succeeded),
        };
    }

    // What was asked of the run after that came too late to count.
    private static bool HasDoneItsPart(OperationState operation) =>
        operation.End is { Outcome: OperationOutcome.Succeeded } or { Outcome: OperationOutcome.Stopped, Reason: StopReason.DependentEnded };

    private static string Words(OperationState failed) => failed.End?.Error is { } error
        ? $"Operation '{failed.Id}' failed. {error.Message}"
        : $"Operation '{failed.Id}' failed with exit code {failed.End?.ExitCode}.";
}
