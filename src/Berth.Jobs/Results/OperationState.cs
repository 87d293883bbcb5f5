using System.Collections.Immutable;

namespace Berth.Jobs.Results;

/// <summary>Where an operation is in its life.</summary>
public enum OperationPhase
{
    /// <summary>Its turn has not come.</summary>
    Waiting,

    /// <summary>Pulling, creating.</summary>
    Starting,
    Running,

    /// <summary>Its container ended and will be started again.</summary>
    Restarting,
    Ended,
}

/// <summary>One operation as the events so far tell it.</summary>
public sealed record OperationState
{
    public required OperationId Id { get; init; }

    public required string Group { get; init; }

    public required bool IsContainer { get; init; }

    public OperationPhase Phase { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>When its container last began to run.</summary>
    public DateTimeOffset? RunningSince { get; init; }

    /// <summary>The name its container was to be made under; from then on there may be one.</summary>
    public string? Container { get; init; }

    public string? ContainerId { get; init; }

    public string? ImageId { get; init; }

    /// <summary>On the run's network.</summary>
    public string? Address { get; init; }

    /// <summary>How often the container was started again.</summary>
    public int Restart { get; init; }

    /// <summary>Its container failed a check and is to be started again.</summary>
    public bool IsFailing { get; init; }

    /// <summary>The latest end of its container.</summary>
    public ContainerExited? Exit { get; init; }

    public PullProgressed? Pull { get; init; }

    /// <summary>The resource that is being fetched.</summary>
    public ResourceProgressed? Fetch { get; init; }

    /// <summary>Those of its resources that are on the machine.</summary>
    public ImmutableArray<ResourceReady> Resources { get; init; } = [];

    /// <summary>Those of its resources whose changes went back.</summary>
    public ImmutableArray<ResourceReturned> Returned { get; init; } = [];

    public bool IsReady { get; init; }

    /// <summary>The endpoint ids that were drawn for it, by port as written; of other ports they can be derived.</summary>
    public ImmutableDictionary<string, string> PrivateEndpoints { get; init; } = ImmutableDictionary<string, string>.Empty;

    public ImmutableArray<EndpointUp> Endpoints { get; init; } = [];

    /// <summary>The names of artefacts whose copying began: what lies at their destination was put there by this run.</summary>
    public ImmutableArray<string> OutputsBegun { get; init; } = [];

    /// <summary>Artefacts that were copied to a folder of the machine.</summary>
    public ImmutableArray<OutputCopied> Outputs { get; init; } = [];

    /// <summary>Artefacts that the market has.</summary>
    public ImmutableArray<ArtefactKept> Artefacts { get; init; } = [];

    /// <summary>The artefact was copied out; nothing more is to be done for it.</summary>
    public bool HasTaken(string artefact) => Outputs.Any(output => output.Name == artefact) || Artefacts.Any(kept => kept.Name == artefact);

    /// <summary>Set once it is over.</summary>
    public OperationEnded? End { get; init; }

    public OperationOutcome? Outcome => End?.Outcome;

    internal static OperationState Announced(OperationOutline outline) => new()
    {
        Id = outline.Id,
        Group = outline.Group,
        IsContainer = outline.IsContainer,
        PrivateEndpoints = outline.PrivateEndpoints ?? ImmutableDictionary<string, string>.Empty,
    };

    internal OperationState With(EndpointUp endpoint) =>
        this with { Endpoints = [.. Endpoints.Where(known => known.Port != endpoint.Port), endpoint] };

    internal OperationState With(ResourceReady resource) =>
        this with { Fetch = null, Resources = [.. Resources.Where(known => known.Index != resource.Index), resource] };

    internal OperationState With(EndpointHealthChanged change) => this with
    {
        Endpoints = [.. Endpoints.Select(known => known.Port == change.Port ? known with { Health = change.Health } : known)],
    };
}
