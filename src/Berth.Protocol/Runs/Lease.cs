using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol.Identity;

namespace Berth.Protocol;

/// <summary>The right to work on a run, to be accepted within <see cref="LeaseSeconds"/> and in force as long as it is renewed.</summary>
public sealed record Lease
{
    public required RunId Run { get; init; }

    public required JobId Job { get; init; }

    /// <summary>Goes with every report; a later lease of the job has a higher one and makes this one's reports void.</summary>
    public required long Fence { get; init; }

    /// <summary>The how-manieth attempt of the job, from 1.</summary>
    public required int Attempt { get; init; }

    /// <summary>How long the node may take to accept it, from the moment that this answer comes; the market counts from the match and refuses what is later.</summary>
    public required double LeaseSeconds { get; init; }

    /// <summary>The longest the job may run, seconds.</summary>
    public required long TimeoutSeconds { get; init; }

    /// <summary>The market's slug.</summary>
    public required string Market { get; init; }

    public required Address Poster { get; init; }

    /// <summary>The slot it was claimed for.</summary>
    public required string Slot { get; init; }

    /// <summary>The document as posted.</summary>
    public required string Definition { get; init; }

    public DefinitionFormat Format { get; init; }

    /// <summary>Content id of the definition; the node checks it.</summary>
    public required string DefinitionId { get; init; }

    /// <summary>Something in the job is sealed: after it accepted, the node asks what is handed over for it (<see cref="Sealing.OpeningRequest"/>), and is paid from there.</summary>
    public bool IsSealed { get; init; }

    /// <summary>The definition came sealed, and whatever the run tells is sealed too.</summary>
    [JsonIgnore]
    public bool IsConfidential => Format == DefinitionFormat.Sealed;

    /// <summary>The domain that endpoints are served under.</summary>
    public required string EndpointDomain { get; init; }

    /// <summary>Artefacts to keep besides the definition's own <c>output</c>.</summary>
    public ImmutableArray<ArtefactWish> Artefacts { get; set; } = [];

    /// <summary>Folders of the poster's that the containers see.</summary>
    public ImmutableArray<SourceMount> Sources { get; set; } = [];
}

/// <summary>
/// A slot asks for work (<c>POST /markets/{market}/claims</c>) and the answer waits until there is some (200, a <see cref="Lease"/>) or the wait is over (204).
/// The same <see cref="Claim"/> gets the same lease until it is accepted by a first renewal, so a lost answer loses nothing.
/// </summary>
public sealed record ClaimRequest
{
    /// <summary>Chosen by the node, new after each lease; keeps the slot's place in the queue while it is repeated.</summary>
    public required string Claim { get; init; }

    /// <summary>A slot the node has registered.</summary>
    public required string Slot { get; init; }

    /// <summary>The <see cref="NodeRegistration.Instance"/> that asks; one that is not registered is told to register, or that a later one took over.</summary>
    public string? Instance { get; init; }

    /// <summary>How long the answer may wait, seconds, at most 60.</summary>
    public double WaitSeconds { get; set; } = 30;

    /// <summary>Free disk for jobs now, MiB.</summary>
    public long DiskMib { get; init; }
}

/// <summary>
/// Renews a lease (<c>POST /runs/{run}/renewals</c>), and by the first of them accepts it. The lease is renewed when the request arrives; the answer waits until something
/// changes that the node must know, at most <see cref="WaitSeconds"/>.
/// </summary>
public sealed record RenewalRequest
{
    public required long Fence { get; init; }

    /// <summary>The <see cref="Renewal.Control"/> the node knows of; the answer comes at once when there is a newer one.</summary>
    public long Control { get; init; }

    /// <summary>At most a third of the lease.</summary>
    public double WaitSeconds { get; init; }
}

/// <summary>A lease renewed, and what the node is to do. 409 <c>lease-lost</c> instead means: stop and forget.</summary>
public sealed record Renewal
{
    /// <summary>From the moment the request was sent.</summary>
    public required double LeaseSeconds { get; init; }

    /// <summary>The timeout in force; it grows when the client extends.</summary>
    public required long TimeoutSeconds { get; init; }

    /// <summary>The owner wants the job stopped.</summary>
    public bool Stop { get; init; }

    /// <summary>Counts up with each change of what stands here.</summary>
    public required long Control { get; init; }
}
