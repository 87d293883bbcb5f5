using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Planning;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>
/// Runs the operations of one stage side by side: each starts once, when all it waits for is ready, and is skipped when that can no longer be.
/// The first failure ends the run.
/// </summary>
internal sealed class StageRun(Stage stage, RunScope scope, StopSignal stop, Action<ContainerOperation> over)
{
    private readonly Dictionary<OperationId, TaskCompletionSource<bool>> _ready =
        stage.Operations.ToDictionary(planned => planned.Id, _ => new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously));

    private readonly Dictionary<OperationId, TaskCompletionSource> _ended =
        stage.Operations.ToDictionary(planned => planned.Id, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>Returns when every operation of the stage has ended or was skipped.</summary>
    public Task RunAsync() => Task.WhenAll(stage.Operations.Select(RunAsync));

    private async Task RunAsync(PlannedOperation planned)
    {
        try
        {
            var outcome = scope.Journal.State.Find(planned.Id)?.Outcome ?? await RunNowOrSkipAsync(planned);
            _ready[planned.Id].TrySetResult(outcome == OperationOutcome.Succeeded);
            if (outcome == OperationOutcome.Failed)
            {
                stop.Request(StopReason.JobFailed);
            }
        }
        catch
        {
            // Whatever broke is thrown from here; the others of the stage must not wait for it for ever.
            stop.Request(StopReason.NodeShutdown);
            throw;
        }
        finally
        {
            _ready[planned.Id].TrySetResult(false);
            _ended[planned.Id].TrySetResult();
        }
    }

    private async Task<OperationOutcome> RunNowOrSkipAsync(PlannedOperation planned)
    {
        if (scope.Journal.State.Find(planned.Id) is not { StartedAt: not null })
        {
            var waits = await Task.WhenAll(planned.WaitsFor.Where(_ready.ContainsKey).Select(id => _ready[id].Task));
            if (waits.Contains(false) || stop.Reason is not null)
            {
                scope.Journal.Append(new OperationEnded(planned.Id, OperationOutcome.Skipped) { Reason = stop.Reason });
                return OperationOutcome.Skipped;
            }
        }

        return planned.Operation switch
        {
            CreateVolume volume => await CreateAsync(volume),
            RunContainer container => await RunAsync(container, planned),
            _ => throw new System.Diagnostics.UnreachableException($"No way to run {planned.Operation.GetType().Name}."),
        };
    }

    private async Task<OperationOutcome> CreateAsync(CreateVolume volume)
    {
        var name = scope.Names.Volume(volume.Name);
        scope.Journal.Append(new OperationStarting(volume.Id));
        scope.Journal.Append(new VolumeCreating(name, volume.Id));
        try
        {
            await scope.Outage.PatientlyAsync(
                async () =>
                {
                    await scope.Engine.CreateVolumeAsync(new(name, scope.Names.Labels(volume.Id)), CancellationToken.None);
                    return name;
                },
                stop.Ended);
        }
        catch (OperationCanceledException) when (stop.Ended.IsCancellationRequested)
        {
            return End(new OperationEnded(volume.Id, OperationOutcome.Stopped) { Reason = stop.Reason });
        }
        catch (EngineException fault) when (fault.Fault != EngineFault.Unreachable)
        {
            return End(new OperationEnded(volume.Id, OperationOutcome.Failed) { Error = new OperationError(ContainerOperation.FaultOf(fault.Fault), fault.Message) });
        }

        scope.Journal.Append(new OperationReady(volume.Id));
        return End(new OperationEnded(volume.Id, OperationOutcome.Succeeded) { ExitCode = 0 });
    }

    private OperationOutcome End(OperationEnded end)
    {
        scope.Journal.Append(end);
        return end.Outcome;
    }

    private async Task<OperationOutcome> RunAsync(RunContainer container, PlannedOperation planned)
    {
        using var own = new StopSignal(stop);
        var goesWith = StopWithAsync(planned, own);
        var operation = new ContainerOperation(container, scope, own, () => _ready[container.Id].TrySetResult(true));
        try
        {
            return await operation.RunAsync();
        }
        finally
        {
            over(operation);
            _ended[container.Id].TrySetResult();
            await goesWith;
        }
    }

    private async Task StopWithAsync(PlannedOperation planned, StopSignal own)
    {
        if (planned.StopsWith.IsEmpty)
        {
            return;
        }

        var others = planned.StopsWith.Where(_ended.ContainsKey).Select(id => _ended[id].Task);
        if (await Task.WhenAny(others.Append(_ended[planned.Id].Task)) != _ended[planned.Id].Task)
        {
            own.Request(StopReason.DependentEnded);
        }
    }
}
