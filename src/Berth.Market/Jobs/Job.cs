using System.Collections.Immutable;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Market.Jobs;

/// <summary>A job as the market keeps it: what was asked, and where it stands. Changed only by <see cref="JobLifecycle"/>.</summary>
internal sealed record Job
{
    /// <summary>The database's own number; the order of posting.</summary>
    public long Number { get; init; }

    public required JobId Id { get; init; }

    public required long Market { get; init; }

    public required string MarketSlug { get; init; }

    public required Address Poster { get; init; }

    /// <summary>SHA-256 of the post, to tell the same post from another of the same id.</summary>
    public required string PostDigest { get; init; }

    /// <summary>The client's <c>Idempotency-Key</c>.</summary>
    public string? PostKey { get; init; }

    /// <summary>Content id of the definition.</summary>
    public required string Definition { get; init; }

    public DefinitionFormat Format { get; init; }

    public required Nos Price { get; init; }

    public required long TimeoutSeconds { get; init; }

    public required int Attempts { get; init; }

    public bool IsPublic { get; init; }

    /// <summary>The only node that may run it.</summary>
    public Address? PinnedNode { get; init; }

    public required JobRequirements Requirements { get; init; }

    /// <summary>Artefacts to keep besides the definition's own output.</summary>
    public ImmutableArray<ArtefactWish> Artefacts { get; init; } = [];

    /// <summary>Folders of the poster's that the containers see.</summary>
    public ImmutableArray<SourceMount> Sources { get; init; } = [];

    /// <summary>Who hands over to a node what is sealed in it.</summary>
    public JobSealing Sealing { get; init; }

    /// <summary>The poster's signature of the definition.</summary>
    public byte[]? DefinitionSignature { get; init; }

    public required DateTimeOffset PostedAt { get; init; }

    public JobState State { get; init; } = JobState.Queued;

    public JobOutcome? Outcome { get; init; }

    public string? Message { get; init; }

    /// <summary>Content id of the result.</summary>
    public string? Result { get; init; }

    /// <summary>The attempt that runs or ran; 0 before the first was accepted or lost.</summary>
    public int Attempt { get; init; }

    /// <summary>Grows with every lease; what carries an older one is void.</summary>
    public long Fence { get; init; }

    /// <summary>The run of the lease in force, or the last one.</summary>
    public RunId? Run { get; init; }

    public Address? Node { get; init; }

    public string? Slot { get; init; }

    /// <summary>The claim that got the lease, until the lease is accepted.</summary>
    public string? Claim { get; init; }

    /// <summary>The node that refused it last; it is not asked again while others may be.</summary>
    public Address? RefusedBy { get; init; }

    public DateTimeOffset? LeasedUntil { get; init; }

    /// <summary>When the node accepted the lease, or where something is sealed got what opens it; pay counts from here.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>What was handed over: with the post for the pinned node, or for the run of the lease in force.</summary>
    public SealedBox? Handover { get; init; }

    /// <summary>Since when the node that accepted the lease has waited for something to be handed over.</summary>
    public DateTimeOffset? AwaitsSince { get; init; }

    /// <summary>The poster's client was not there when a node waited; no other gets the job before it is.</summary>
    public bool IsUnserved { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Its definition, result, logs and artefacts were given up, being older than the operator keeps them.</summary>
    public bool IsForgotten { get; init; }

    /// <summary>When its owner first wanted the running job to end.</summary>
    public DateTimeOffset? StoppingSince { get; init; }

    /// <summary>Counts what the node must be told.</summary>
    public long Control { get; init; }

    public Nos? Cost { get; init; }

    public Nos? Refund { get; init; }

    /// <summary>The sequence of the newest event.</summary>
    public long LastEvent { get; init; }

    /// <summary>Counts changes, so that no two are made from the same state.</summary>
    public long Version { get; init; }

    /// <summary>What a node needs to open it is there.</summary>
    public bool HasHandover => Sealing == JobSealing.Market || Handover is not null;

    public bool IsConfidential => Format == DefinitionFormat.Sealed;

    public Nos Deposit => Price * TimeoutSeconds;

    public bool IsStopping => StoppingSince is not null;

    public bool IsEnded => State is JobState.Completed or JobState.Stopped;

    /// <summary>The lease in force has been accepted by its node.</summary>
    public bool IsAccepted => State == JobState.Running && StartedAt is not null;
}
