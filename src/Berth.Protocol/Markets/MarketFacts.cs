using System.Collections.Immutable;
using System.Text.Json;
using Berth.Protocol.Identity;

namespace Berth.Protocol;

/// <summary>A market as anybody sees it.</summary>
public sealed record MarketFacts
{
    /// <summary>Short name: small letters, digits, hyphens.</summary>
    public required string Slug { get; init; }

    public required Address Address { get; init; }

    /// <summary>The models of GPU in it, for people; empty for a market of CPUs.</summary>
    public required ImmutableArray<string> GpuTypes { get; init; }

    /// <summary>Per second.</summary>
    public required Nos Price { get; init; }

    public required long DefaultTimeoutSeconds { get; init; }

    public required long LargestTimeoutSeconds { get; init; }

    /// <summary>Images that every node of it keeps at hand.</summary>
    public required ImmutableArray<string> RequiredImages { get; init; }

    /// <summary>Resources that every node of it keeps at hand: objects as in a definition's <c>resources</c>, without a target.</summary>
    public ImmutableArray<JsonElement> RequiredResources { get; set; } = [];

    /// <summary>The nodes that may serve it; null lets anybody.</summary>
    public ImmutableArray<Address>? Access { get; init; }

    public bool IsClosed { get; init; }

    /// <summary>Jobs that wait.</summary>
    public long JobsWaiting { get; init; }

    /// <summary>Slots that wait.</summary>
    public long SlotsWaiting { get; init; }

    /// <summary>Jobs that run.</summary>
    public long JobsRunning { get; init; }

    /// <summary>Nodes heard of lately.</summary>
    public long Nodes { get; init; }
}

/// <summary>Makes a market (<c>POST /markets</c>, the operator's). What is null takes its default.</summary>
public sealed record MarketDraft
{
    public required string Slug { get; init; }

    public ImmutableArray<string> GpuTypes { get; set; } = [];

    public required Nos Price { get; init; }

    public long DefaultTimeoutSeconds { get; set; } = 3600;

    public long LargestTimeoutSeconds { get; set; } = 86400;

    public ImmutableArray<string> RequiredImages { get; set; } = [];

    public ImmutableArray<JsonElement> RequiredResources { get; set; } = [];

    public ImmutableArray<Address>? Access { get; init; }
}

/// <summary>Changes a market (<c>PATCH /markets/{market}</c>, the operator's); what is null stays. Jobs posted before keep their price.</summary>
public sealed record MarketChange
{
    public ImmutableArray<string>? GpuTypes { get; init; }

    public Nos? Price { get; init; }

    public long? DefaultTimeoutSeconds { get; init; }

    public long? LargestTimeoutSeconds { get; init; }

    public ImmutableArray<string>? RequiredImages { get; init; }

    public ImmutableArray<JsonElement>? RequiredResources { get; init; }

    /// <summary>The nodes that may serve it from now on; an empty list closes it to all nodes.</summary>
    public ImmutableArray<Address>? Access { get; init; }

    /// <summary>Lets any node serve it again.</summary>
    public bool OpenAccess { get; init; }
}
