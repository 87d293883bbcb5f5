using System.Collections.Immutable;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Markets;

/// <summary>A market as it is kept: what it charges and allows.</summary>
internal sealed record MarketTerms
{
    public long Number { get; init; }

    public required string Slug { get; init; }

    public required Address Address { get; init; }

    public required ImmutableArray<string> GpuTypes { get; init; }

    public required Nos Price { get; init; }

    public required long DefaultTimeoutSeconds { get; init; }

    public required long LargestTimeoutSeconds { get; init; }

    public required ImmutableArray<string> RequiredImages { get; init; }

    /// <summary>The JSON text of each.</summary>
    public required ImmutableArray<string> RequiredResources { get; init; }

    /// <summary>The nodes that may serve it; null lets anybody.</summary>
    public ImmutableArray<Address>? Access { get; init; }

    public bool IsClosed { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public bool Admits(Address node) => Access is not { } listed || listed.Contains(node);
}
