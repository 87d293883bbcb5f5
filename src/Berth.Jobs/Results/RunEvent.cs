using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Berth.Jobs.Results;

/// <summary>
/// One numbered fact about a run: the same record in the node's journal, on the wire, in the market and in the browser. A run's state,
/// wherever it is shown, is the fold of its events (<see cref="RunState"/>). Log lines travel beside them.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(RunStarted), "run-started")]
[JsonDerivedType(typeof(RunResumed), "run-resumed")]
[JsonDerivedType(typeof(RunExtended), "run-extended")]
[JsonDerivedType(typeof(Notice), "notice")]
[JsonDerivedType(typeof(NetworkCreating), "network-creating")]
[JsonDerivedType(typeof(VolumeCreating), "volume-creating")]
[JsonDerivedType(typeof(OperationStarting), "operation-starting")]
[JsonDerivedType(typeof(PullProgressed), "pull-progressed")]
[JsonDerivedType(typeof(ImageReady), "image-ready")]
[JsonDerivedType(typeof(ResourceProgressed), "resource-progressed")]
[JsonDerivedType(typeof(ResourceReady), "resource-ready")]
[JsonDerivedType(typeof(ContainerStarting), "container-starting")]
[JsonDerivedType(typeof(ContainerStarted), "container-started")]
[JsonDerivedType(typeof(EndpointUp), "endpoint-up")]
[JsonDerivedType(typeof(EndpointHealthChanged), "endpoint-health")]
[JsonDerivedType(typeof(OperationReady), "operation-ready")]
[JsonDerivedType(typeof(ContainerFailing), "container-failing")]
[JsonDerivedType(typeof(ContainerExited), "container-exited")]
[JsonDerivedType(typeof(OutputCopying), "output-copying")]
[JsonDerivedType(typeof(OutputCopied), "output-copied")]
[JsonDerivedType(typeof(ResourceReturned), "resource-returned")]
[JsonDerivedType(typeof(ArtefactKept), "artefact-kept")]
[JsonDerivedType(typeof(OperationEnded), "operation-ended")]
[JsonDerivedType(typeof(RunStopping), "run-stopping")]
[JsonDerivedType(typeof(RunEnded), "run-ended")]
public abstract record RunEvent
{
    private protected RunEvent()
    {
    }

    /// <summary>Counts from 1 within the run; given when the event is journalled.</summary>
    public long Number { get; init; }

    public DateTimeOffset At { get; init; }
}

/// <summary>The run began. Everything that will be shown of it by name is known from here.</summary>
public sealed record RunStarted : RunEvent
{
    public required RunId Run { get; init; }

    public required JobId Job { get; init; }

    public required ImmutableArray<OperationOutline> Operations { get; init; }

    /// <summary>The longest the job may run; null is no limit.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>An operation as the plan has it, for showing and for the fold.</summary>
public sealed record OperationOutline(OperationId Id, string Group, bool IsContainer)
{
    /// <summary>Endpoint ids by port as written where they cannot be derived, because the operation is <c>private</c>.</summary>
    public ImmutableDictionary<string, string>? PrivateEndpoints { get; init; }
}

/// <summary>Another process took the run over after the first one died.</summary>
public sealed record RunResumed : RunEvent;

/// <summary>The job may run longer than it was said at the start: its owner paid for more.</summary>
public sealed record RunExtended(TimeSpan Timeout) : RunEvent;

/// <summary>How much a <see cref="Notice"/> weighs.</summary>
public enum NoticeLevel
{
    Information,
    Warning,
}

/// <summary>Something the client should know that changes no state.</summary>
public sealed record Notice(NoticeLevel Level, string Message, OperationId? Operation = null) : RunEvent;

/// <summary>Intent: the run's network will be made under this name.</summary>
public sealed record NetworkCreating(string Name) : RunEvent;

/// <summary>Intent: a volume will be made under this name.</summary>
public sealed record VolumeCreating(string Name, OperationId? Operation = null) : RunEvent;

/// <summary>The operation's turn has come; its running time counts from here, the container's timeout does not.</summary>
public sealed record OperationStarting(OperationId Operation) : RunEvent;

/// <summary>Bytes of an image so far, over all layers; many of these, and losing one loses nothing.</summary>
public sealed record PullProgressed(OperationId Operation, string Image) : RunEvent
{
    public required string Status { get; init; }

    public long CurrentBytes { get; init; }

    public long TotalBytes { get; init; }

    public int LayersDone { get; init; }

    public int Layers { get; init; }
}

/// <summary>The operation's image is on the machine.</summary>
public sealed record ImageReady(OperationId Operation, string Image, string ImageId, bool Pulled) : RunEvent;

/// <summary>One of an operation's resources, by its place among them, is being fetched; many of these, and losing one loses nothing.</summary>
public sealed record ResourceProgressed(OperationId Operation, int Index, string Name) : RunEvent
{
    public long CurrentBytes { get; init; }

    /// <summary>Null where nobody says how much it will be.</summary>
    public long? TotalBytes { get; init; }

    public int FilesDone { get; init; }

    public int? Files { get; init; }

    public long BytesPerSecond { get; init; }

    /// <summary>At this rate; null where that cannot be told.</summary>
    public TimeSpan? TimeLeft { get; init; }
}

/// <summary>One of an operation's resources is on the machine; it stays there until the run has ended.</summary>
public sealed record ResourceReady(OperationId Operation, int Index, string Name, string Key) : RunEvent
{
    public long Bytes { get; init; }

    public int Files { get; init; }

    /// <summary>Nothing had to be fetched.</summary>
    public bool WasHere { get; init; }
}

/// <summary>Intent: the container of this name will be created and started, for the so-manieth time (from 0).</summary>
public sealed record ContainerStarting(OperationId Operation, string Container, int Restart) : RunEvent
{
    /// <summary>How long the restart waits first.</summary>
    public TimeSpan Delay { get; init; }
}

/// <summary>The container runs.</summary>
public sealed record ContainerStarted(OperationId Operation, string Container, string ContainerId) : RunEvent
{
    /// <summary>On the run's network.</summary>
    public string? Address { get; init; }
}

/// <summary>What is known of the service behind an endpoint.</summary>
public enum EndpointHealth
{
    /// <summary>No check says anything about it.</summary>
    Unknown,
    Offline,
    Online,
}

/// <summary>An exposed port can be reached at an address.</summary>
public sealed record EndpointUp(OperationId Operation, string Port, string EndpointId, string Url) : RunEvent
{
    public EndpointHealth Health { get; init; }
}

/// <summary>The service behind an endpoint began or ceased to answer its checks.</summary>
public sealed record EndpointHealthChanged(OperationId Operation, string Port, EndpointHealth Health, string Detail) : RunEvent;

/// <summary>What waits for this operation may start now.</summary>
public sealed record OperationReady(OperationId Operation) : RunEvent;

/// <summary>Intent: the container, because a check of it failed, will be brought to an end and started again.</summary>
public sealed record ContainerFailing(OperationId Operation, string Container) : RunEvent;

/// <summary>The container ended; a restart may follow.</summary>
public sealed record ContainerExited(OperationId Operation, string Container, int ExitCode) : RunEvent
{
    public bool OutOfMemory { get; init; }

    /// <summary>The engine's state words, kept for diagnostics.</summary>
    public EngineState? State { get; init; }
}

/// <summary>The engine's own account of an ended container (job-language.md 3.14, <c>diagnostics.state</c>).</summary>
public sealed record EngineState(string Status, int ExitCode, bool OutOfMemory, string Error, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt);

/// <summary>The operation's output folder, or another artefact of it, is being copied out. The first, with no files yet, is the intent; losing one of the others loses nothing.</summary>
public sealed record OutputCopying(OperationId Operation, string Path, int Files, long Bytes) : RunEvent
{
    /// <summary>What the artefact is called.</summary>
    public string Name { get; set; } = ArtefactWish.Output;
}

/// <summary>The operation's output folder, or another artefact of it, was copied to a folder of this machine.</summary>
public sealed record OutputCopied(OperationId Operation, string Path, string Destination, int Files, long Bytes) : RunEvent
{
    /// <summary>What the artefact is called.</summary>
    public string Name { get; set; } = ArtefactWish.Output;
}

/// <summary>The operation's output folder, or another artefact of it, is content of the market: a tar packed by zstd of <paramref name="Size"/> bytes.</summary>
/// <param name="Operation">Whose artefact.</param>
/// <param name="Name">What it is called.</param>
/// <param name="Path">Where it was in the container.</param>
/// <param name="Content">Content id of the packed tar.</param>
/// <param name="Size">Bytes packed.</param>
/// <param name="Files">Files and links in it.</param>
/// <param name="Bytes">Bytes of all files.</param>
public sealed record ArtefactKept(OperationId Operation, string Name, string Path, string Content, long Size, int Files, long Bytes) : RunEvent
{
    /// <summary>Its first files.</summary>
    public ImmutableArray<ArtefactFile> List { get; set; } = [];
}

/// <summary>A file of an artefact: its path below the artefact's own, and its bytes.</summary>
public sealed record ArtefactFile(string Path, long Size);

/// <summary>What the operation changed in a resource it may write to is where the resource came from.</summary>
public sealed record ResourceReturned(OperationId Operation, int Index, string Name, int Files, long Bytes) : RunEvent;

/// <summary>How an operation ended.</summary>
public enum OperationOutcome
{
    Succeeded,
    Failed,
    Stopped,

    /// <summary>It never started because something it needed failed or the run ended first.</summary>
    Skipped,
}

/// <summary>Why a run or an operation was brought to an end from outside.</summary>
public enum StopReason
{
    /// <summary>Its time was up.</summary>
    Expired,

    /// <summary>The owner said so.</summary>
    StoppedByClient,

    /// <summary>An operation it serves or depends on ended (<c>stop_if_dependent_stops</c>).</summary>
    DependentEnded,

    /// <summary>Another operation failed.</summary>
    JobFailed,

    /// <summary>The node goes down.</summary>
    NodeShutdown,

    /// <summary>The node can no longer prove that the run is its own.</summary>
    LeaseLost,
}

/// <summary>What kind of thing ended an operation that did not end by itself (job-language.md 3.4).</summary>
public enum OperationFault
{
    ImageNotFound,
    ImageDenied,
    RegistryUnavailable,
    DiskFull,
    GpuUnavailable,
    CannotStart,
    EngineUnreachable,
    Engine,
    Placeholder,
    Output,
    NotReady,
    OutOfMemory,

    /// <summary>A resource is not there, not for these credentials, not what it should be, or from where nothing may be fetched.</summary>
    Resource,

    /// <summary>Whoever has a resource does not answer.</summary>
    ResourceUnavailable,
}

/// <summary>Why an operation failed, in a sentence a person can act on.</summary>
public sealed record OperationError(OperationFault Fault, string Message);

/// <summary>The operation is over for good.</summary>
public sealed record OperationEnded(OperationId Operation, OperationOutcome Outcome) : RunEvent
{
    /// <summary>The container's; null when none ran.</summary>
    public int? ExitCode { get; init; }

    public StopReason? Reason { get; init; }

    public OperationError? Error { get; init; }

    public ImmutableDictionary<string, ResultValue> Results { get; set; } = ImmutableDictionary<string, ResultValue>.Empty;

    /// <summary>How many lines its log has.</summary>
    public long LogLines { get; init; }
}

/// <summary>From now on operations are being stopped.</summary>
public sealed record RunStopping(StopReason Reason) : RunEvent;

/// <summary>How a run ended.</summary>
public enum RunOutcome
{
    Succeeded,
    Failed,
    Expired,
    StoppedByClient,

    /// <summary>The node or its engine failed the job, not the job itself; it may be tried again.</summary>
    Lost,

    /// <summary>This node cannot do it; another may.</summary>
    Refused,
}

/// <summary>The last event of a run.</summary>
public sealed record RunEnded(RunOutcome Outcome) : RunEvent
{
    /// <summary>A sentence, when there is something to say.</summary>
    public string? Message { get; init; }
}
