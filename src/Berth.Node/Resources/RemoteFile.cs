namespace Berth.Node.Resources;

/// <summary>
/// One file of a resource as its server lists it: where it is, where it belongs below the resource's folder (with <c>/</c> between parts), and how it is known
/// to be whole and the same.
/// </summary>
internal sealed record RemoteFile(string Path, Uri Address)
{
    /// <summary>Bytes; null where the server does not say.</summary>
    public long? Size { get; init; }

    public FileDigest? Digest { get; init; }

    /// <summary>What the server calls this version of it.</summary>
    public string? ETag { get; init; }

    public DateTimeOffset? Modified { get; init; }

    /// <summary>The server gives parts of it.</summary>
    public bool HasRanges { get; init; }

    public Action<HttpRequestMessage>? Authorise { get; init; }

    /// <summary>A part that comes later can be told to be of the same version as one that came before.</summary>
    public bool CanResume => HasRanges && Size is not null && (Digest is not null || ETag is not null || Modified is not null);

    /// <summary>What sets this version apart from others at the address.</summary>
    public string Version => Digest is { } digest ? $"{digest.Kind}:{digest.Hex}" : $"{ETag}|{Modified?.ToUnixTimeSeconds()}|{Size}";
}
