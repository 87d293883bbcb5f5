using System.Collections.Immutable;
using System.Diagnostics;
using Berth.Containers;
using Berth.Jobs.Definitions;
using Berth.Jobs.Placeholders;
using Berth.Jobs.Results;
using Berth.Node.Artefacts;
using Berth.Node.Resources;

namespace Berth.Node.Runs;

/// <summary>Runs one <c>container/run</c> from its turn to its end, or goes on with it from wherever a process that died left it.</summary>
internal sealed class ContainerOperation(RunContainer operation, RunScope scope, StopSignal stop, Action ready) : IDisposable
{
    private static readonly TimeSpan CleanupPatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan FirstRestartPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestRestartPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SteadyRun = TimeSpan.FromSeconds(10);
    private readonly string _container = scope.Names.Container(operation.Index);
    private readonly ResultSearch _search = new(operation.Results, scope.Time);
    private LogPump? _pump;

    private RunJournal Journal => scope.Journal;

    private OperationState State => Journal.StateOf(operation.Id);

    public string Container => _container;

    /// <summary>It ended and there may be a container of it.</summary>
    public bool IsRemovable => State is { Container: not null, End: not null };

    /// <summary>
    /// 1 fill the placeholders, 2 get the image and the resources, 3 create and start the container, 4 follow it to its end, starting it again as its
    /// policy says, 5 give back what it changed and take its artefacts out, 6 say how it ended. <see cref="RemoveAsync"/> comes after.
    /// </summary>
    /// <exception cref="EngineException">The engine is gone; the operation has no end of its own then.</exception>
    public async Task<OperationOutcome> RunAsync()
    {
        _pump = new LogPump(operation.Id, operation.Index, scope, _search);
        try
        {
            if (State.StartedAt is null)
            {
                Journal.Append(new OperationStarting(operation.Id));
            }

            // 1
            var arguments = Fill();

            // 2
            var resources = await PrepareAsync(arguments);

            // 3, 4
            var end = await FollowAsync(arguments, resources);

            // 5
            var returnFault = await new ResourceReturn(operation.Id, _container, scope, stop).GiveBackAsync(resources);
            var outputFault = await TakeArtefactsAsync(arguments.Output);

            // 6
            return End(end, returnFault ?? outputFault);
        }
        catch (OperationCanceledException) when (stop.Ended.IsCancellationRequested)
        {
            return End(OperationOutcome.Stopped, null);
        }
        catch (EngineException fault) when (fault.Fault != EngineFault.Unreachable)
        {
            return Fail(new OperationError(FaultOf(fault.Fault), fault.Message));
        }
        catch (ResourceException fault)
        {
            return Fail(new OperationError(FaultOf(fault.Fault), fault.Message));
        }
        catch (UnfillableException unfillable)
        {
            return Fail(new OperationError(OperationFault.Placeholder, unfillable.Message));
        }
    }

    public void Dispose() => _pump?.Dispose();

    private ContainerArguments Fill()
    {
        var path = $"$.ops[{operation.Index}].args";
        if (!operation.HasPlaceholders)
        {
            return operation.Arguments;
        }

        var filling = Placeholders.Fill(operation.Template, PlaceholderSources.Of(scope), operation.Id, path);
        if (filling.Arguments is not { } filled)
        {
            throw new UnfillableException(filling.Problems);
        }

        var reading = JobDefinitionReader.ReadArguments(filled, path);
        return reading.Arguments ?? throw new UnfillableException(reading.Problems);
    }

    // The first that cannot be had ends the other's fetching too.
    private async Task<ImmutableArray<ResourceMount>> PrepareAsync(ContainerArguments arguments)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(stop.Ended);
        var image = State.Container is null
            ? new ImagePulls(scope.Engine, Journal, scope.Request.Pull, scope.Time).EnsureAsync(operation.Id, arguments.Image, arguments.Login, failed.Token)
            : Task.CompletedTask;
        var resources = arguments.Resources.IsEmpty
            ? Task.FromResult(ImmutableArray<ResourceMount>.Empty)
            : new ResourceFetches(scope).EnsureAsync(operation.Id, arguments.Resources, failed.Token);
        var first = await Task.WhenAny(image, resources);
        if (!first.IsCompletedSuccessfully)
        {
            await failed.CancelAsync();
            await Task.WhenAny(Task.WhenAll(image, resources));
            await first;
        }

        await image;
        return await resources;
    }

    private async Task<WatchedEnd> FollowAsync(ContainerArguments arguments, ImmutableArray<ResourceMount> resources)
    {
        var start = new ContainerStart(operation, resources, scope, stop);
        var watch = new ContainerWatch(operation, scope, stop, _pump!, ready);
        for (var pause = FirstRestartPause; ; pause = Min(pause * 2, LongestRestartPause))
        {
            var status = await scope.Outage.PatientlyAsync(() => start.BringToRunningAsync(arguments), stop.Ended);
            var end = await watch.FollowAsync(arguments, status);
            if (stop.Reason is not null || end.IsOutOfTime || !(end.WantsRestart || ShouldRestart(arguments.Restart, end.Exit.ExitCode)))
            {
                return end;
            }

            if (end.Exit.State?.FinishedAt - end.Exit.State?.StartedAt > SteadyRun)
            {
                pause = FirstRestartPause;
            }

            Journal.Append(new ContainerStarting(operation.Id, _container, State.Restart + 1) { Delay = pause });
            await Task.Delay(pause, scope.Time, stop.Ended);
        }
    }

    // What a run that is not this node's any more leaves behind is nobody's.
    private async Task<OperationError?> TakeArtefactsAsync(string? output)
    {
        var artefacts = scope.Request.Artefacts.Where(wish => wish.IsOf(operation.Id)).Select(wish => new TakenArtefact(operation.Id, wish.Name, wish.Path))
            .Prepend(output is null ? null : new TakenArtefact(operation.Id, ArtefactWish.Output, output)).OfType<TakenArtefact>();
        if (!scope.Request.TakesOutput)
        {
            foreach (var artefact in artefacts)
            {
                Journal.Append(new Notice(NoticeLevel.Warning, $"{artefact.Path} is left behind: this version keeps no files of a confidential job.", operation.Id));
            }

            return null;
        }

        var copy = new ArtefactCopy(_container, scope, stop);
        OperationError? fault = null;
        foreach (var artefact in artefacts)
        {
            if (stop.Reason is StopReason.LeaseLost or StopReason.NodeShutdown)
            {
                return fault;
            }

            if (await copy.TakeAsync(artefact) is { } error)
            {
                fault ??= error;
                Journal.Append(new Notice(NoticeLevel.Warning, error.Message, operation.Id));
            }
        }

        return fault;
    }

    private bool ShouldRestart(RestartPolicy policy, int exitCode) => policy.When switch
    {
        RestartWhen.Never => false,
        RestartWhen.Always or RestartWhen.UnlessStopped => true,
        RestartWhen.OnFailure => exitCode != 0 && (policy.Tries is not { } most || State.Restart < most),
        _ => throw new UnreachableException($"No such policy: {policy.When}."),
    };

    private OperationOutcome End(WatchedEnd end, OperationError? leavingFault)
    {
        if (end.IsOutOfTime)
        {
            return Fail(new OperationError(OperationFault.NotReady, $"Operation killed after exceeding its timeout of {operation.Execution.Timeout!.Value.TotalSeconds:0}s"), StopReason.Expired);
        }

        if (stop.Reason is not null)
        {
            return End(OperationOutcome.Stopped, null);
        }

        if (end.Exit is { ExitCode: not 0 } exit)
        {
            return Fail(exit.OutOfMemory
                ? new OperationError(OperationFault.OutOfMemory, $"Killed for using more memory than the {scope.Ceiling.MemoryBytes >> 20} MiB it may have (exit code {exit.ExitCode}).")
                : null);
        }

        return leavingFault is null ? End(OperationOutcome.Succeeded, null) : Fail(leavingFault);
    }

    private OperationOutcome Fail(OperationError? error, StopReason? reason = null)
    {
        if (error is not null)
        {
            _pump!.Say(error.Message);
        }

        return End(OperationOutcome.Failed, error, reason);
    }

    private OperationOutcome End(OperationOutcome outcome, OperationError? error, StopReason? reason = null)
    {
        _pump!.FlushToDisk();
        Journal.Append(new OperationEnded(operation.Id, outcome)
        {
            ExitCode = State.Exit?.ExitCode,
            Reason = reason ?? (outcome == OperationOutcome.Stopped ? stop.Reason : null),
            Error = error,
            Results = _search.Finish(),
            LogLines = _pump.Lines,
        });
        return outcome;
    }

    /// <summary>Removes the container of an operation that has ended; what cannot be removed is said and left to prune.</summary>
    public async Task RemoveAsync()
    {
        using var limit = new CancellationTokenSource(CleanupPatience, scope.Time);
        try
        {
            await scope.Engine.RemoveAsync(_container, limit.Token);
        }
        catch (Exception fault) when (fault is EngineException or OperationCanceledException)
        {
            Journal.Note(new Notice(NoticeLevel.Warning, $"The container {_container} could not be removed ({fault.Message}); berth prune removes it.", operation.Id));
        }
    }

    public static OperationFault FaultOf(EngineFault fault) => fault switch
    {
        EngineFault.ImageNotFound => OperationFault.ImageNotFound,
        EngineFault.ImageDenied => OperationFault.ImageDenied,
        EngineFault.RegistryUnavailable => OperationFault.RegistryUnavailable,
        EngineFault.DiskFull => OperationFault.DiskFull,
        EngineFault.GpuUnavailable => OperationFault.GpuUnavailable,
        EngineFault.CannotStart => OperationFault.CannotStart,
        EngineFault.Unreachable => OperationFault.EngineUnreachable,
        EngineFault.Refused or EngineFault.NotFound or EngineFault.Failed => OperationFault.Engine,
        _ => throw new UnreachableException($"No such fault: {fault}."),
    };

    public static OperationFault FaultOf(ResourceFault fault) => fault switch
    {
        ResourceFault.Unavailable => OperationFault.ResourceUnavailable,
        ResourceFault.DiskFull => OperationFault.DiskFull,
        _ => OperationFault.Resource,
    };

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private sealed class UnfillableException(ImmutableArray<Problem> problems)
        : Exception(string.Join(" ", problems.Select(problem => $"{problem.Path}: {problem.Message}")));
}
