using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Protocol;

/// <summary>What a server says of itself to anybody (<c>GET /api/v1</c>).</summary>
public sealed record ServerFacts
{
    /// <summary>The server's version, as <c>berth --version</c> prints it.</summary>
    public required string Version { get; init; }

    /// <summary>Who keeps the market.</summary>
    public required Address Operator { get; init; }

    /// <summary>What market-held secrets are sealed with, signed by the operator.</summary>
    public EncryptionKey? EncryptionKey { get; init; }

    /// <summary>The server's clock, for a client to see how far its own is off.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The domain that endpoints of jobs are served under.</summary>
    public required string EndpointDomain { get; init; }
}
