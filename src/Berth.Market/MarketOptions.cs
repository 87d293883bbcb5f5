using System.Collections.Immutable;
using System.ComponentModel.DataAnnotations;
using Berth.Market.Content;
using Berth.Protocol.Identity;

namespace Berth.Market;

/// <summary>What the operator sets for the market.</summary>
public sealed record MarketOptions
{
    /// <summary>Who keeps the market: grants NOS, makes markets, earns the fee.</summary>
    public required Address Operator { get; init; }

    /// <summary>Where content is kept, the same for all servers of one market.</summary>
    public required ContentPlace Content { get; init; }

    /// <summary>How long definitions, results, logs and artefacts of jobs are kept after their end; null is for ever.</summary>
    public TimeSpan? Keep { get; init; }

    /// <summary>The most bytes of one artefact, packed.</summary>
    public long LargestArtefact { get; init; } = 100L << 30;

    /// <summary>The most bytes of all artefacts of a run, packed.</summary>
    public long LargestArtefacts { get; init; } = 200L << 30;

    /// <summary>The most bytes of a folder that a job is posted with, packed.</summary>
    public long LargestUpload { get; init; } = 10L << 30;

    /// <summary>The server's version, told to whoever asks.</summary>
    public string Version { get; init; } = "0.0.0";

    /// <summary>The host names that requests may be signed for, compared without case; empty takes any. What is signed for another server is nothing to this one.</summary>
    public ImmutableHashSet<string> Hosts { get; init; } = [];

    /// <summary>The domain that endpoints are served under.</summary>
    public string EndpointDomain { get; init; } = "localhost";

    /// <summary>The network's share of what nodes earn, in hundredths of a percent.</summary>
    [Range(0, 10_000)]
    public int FeeBasisPoints { get; init; }

    /// <summary>How long a lease lasts without being renewed.</summary>
    public TimeSpan LeaseLength { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a node may take to accept a lease.</summary>
    public TimeSpan AcceptWithin { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often what is overdue is looked for.</summary>
    public TimeSpan KeepEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many callers' share of requests and streams one network address may use, whatever keys it signs with.</summary>
    public const int CallersAtOneAddress = 20;

    /// <summary>Requests an address (or, unsigned, a network address) may make a second, on the long run; ten times as many at once.</summary>
    [Range(1, 1_000_000)]
    public int RequestsPerSecond { get; init; } = 100;

    /// <summary>Event streams one address may hold open on one server.</summary>
    [Range(1, 1_000_000)]
    public int OpenStreams { get; init; } = 1000;
}
