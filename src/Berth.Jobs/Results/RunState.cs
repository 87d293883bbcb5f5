using System.Collections.Immutable;
using System.Diagnostics;

namespace Berth.Jobs.Results;

/// <summary>
/// A run as its events tell it: the fold that node, market and browser share. Events that come twice change nothing the second time;
/// an event of an operation nobody announced is passed over.
/// </summary>
public sealed record RunState
{
    public static RunState Empty { get; } = new();

    public RunId? Run { get; init; }

    public JobId? Job { get; init; }

    public TimeSpan? Timeout { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>The name the run's network was to be made under.</summary>
    public string? Network { get; init; }

    /// <summary>Names of volumes that were to be made.</summary>
    public ImmutableArray<string> Volumes { get; init; } = [];

    public ImmutableArray<OperationState> Operations { get; init; } = [];

    /// <summary>Set from the moment operations are being stopped.</summary>
    public StopReason? Stopping { get; init; }

    /// <summary>Set once the run is over.</summary>
    public RunOutcome? Outcome { get; init; }

    public string? Message { get; init; }

    public long LastNumber { get; init; }

    public bool IsEnded => Outcome is not null;

    /// <summary>The fold over all events so far.</summary>
    public static RunState Of(IEnumerable<RunEvent> events) => events.Aggregate(Empty, (state, happened) => state.After(happened));

    /// <summary>The operation's state, or null when the run has none of that id.</summary>
    public OperationState? Find(OperationId id) => Operations.FirstOrDefault(operation => operation.Id == id);

    /// <summary>The state once the event has happened.</summary>
    public RunState After(RunEvent happened)
    {
        if (happened.Number != 0 && happened.Number <= LastNumber)
        {
            return this;
        }

        var next = happened switch
        {
            RunStarted e => this with
            {
                Run = e.Run,
                Job = e.Job,
                Timeout = e.Timeout,
                StartedAt = e.At,
                Operations = [.. e.Operations.Select(OperationState.Announced)],
            },
            RunResumed or Notice => this,
            RunExtended e => this with { Timeout = e.Timeout },
            NetworkCreating e => this with { Network = e.Name },
            VolumeCreating e => Volumes.Contains(e.Name) ? this : this with { Volumes = Volumes.Add(e.Name) },
            OperationStarting e => With(e.Operation, operation => operation with { Phase = OperationPhase.Starting, StartedAt = operation.StartedAt ?? e.At }),
            PullProgressed e => With(e.Operation, operation => operation with { Pull = e }),
            ImageReady e => With(e.Operation, operation => operation with { Pull = null, ImageId = e.ImageId }),
            ResourceProgressed e => With(e.Operation, operation => operation with { Fetch = e }),
            ResourceReady e => With(e.Operation, operation => operation.With(e)),
            ContainerStarting e => With(e.Operation, operation => operation with
            {
                Phase = e.Restart == 0 ? OperationPhase.Starting : OperationPhase.Restarting,
                Container = e.Container,
                Restart = e.Restart,
                IsFailing = false,
            }),
            ContainerStarted e => With(e.Operation, operation => operation with
            {
                Phase = OperationPhase.Running,
                ContainerId = e.ContainerId,
                Address = e.Address,
                RunningSince = e.At,
            }),
            EndpointUp e => With(e.Operation, operation => operation.With(e)),
            EndpointHealthChanged e => With(e.Operation, operation => operation.With(e)),
            OperationReady e => With(e.Operation, operation => operation with { IsReady = true }),
            ContainerFailing e => With(e.Operation, operation => operation with { IsFailing = true }),
            ContainerExited e => With(e.Operation, operation => operation with { Exit = e }),
            OutputCopying e => With(e.Operation, operation =>
                operation.OutputsBegun.Contains(e.Name) ? operation : operation with { OutputsBegun = operation.OutputsBegun.Add(e.Name) }),
            OutputCopied e => With(e.Operation, operation => operation with { Outputs = [.. operation.Outputs.Where(known => known.Name != e.Name), e] }),
            ArtefactKept e => With(e.Operation, operation => operation with { Artefacts = [.. operation.Artefacts.Where(known => known.Name != e.Name), e] }),
            ResourceReturned e => With(e.Operation, operation => operation with { Returned = operation.Returned.Add(e) }),
            OperationEnded e => With(e.Operation, operation => operation with
            {
                Phase = OperationPhase.Ended,
                End = e,
                EndedAt = e.At,
                Pull = null,
                Fetch = null,
                Endpoints = [.. operation.Endpoints.Select(endpoint => endpoint with { Health = EndpointHealth.Offline })],
            }),
            RunStopping e => this with { Stopping = Stopping ?? e.Reason },
            RunEnded e => this with { Outcome = e.Outcome, Message = e.Message, EndedAt = e.At },
            _ => throw new UnreachableException($"No fold for {happened.GetType().Name}."),
        };
        return next with { LastNumber = Math.Max(LastNumber, happened.Number) };
    }

    private RunState With(OperationId id, Func<OperationState, OperationState> change)
    {
        var index = Operations.IndexOf(Operations.FirstOrDefault(operation => operation.Id == id)!);
        return index < 0 ? this : this with { Operations = Operations.SetItem(index, change(Operations[index])) };
    }
}
