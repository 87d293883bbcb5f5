using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Berth.Jobs;

namespace Berth.Protocol.Identity;

/// <summary>
/// What a content is called everywhere: a CIDv0, base58 of the bytes 0x12 0x20 and the 32 bytes of a SHA-256 digest, 46 characters that start with <c>Qm</c>. The chain
/// carries the digest alone. <see cref="UnixFsHasher"/> says which digest a file has.
/// </summary>
[JsonConverter(typeof(IdConverter<ContentId>))]
public readonly record struct ContentId(string Value) : IParsable<ContentId>
{
    /// <summary>How many bytes the digest has.</summary>
    public const int DigestSize = 32;

    private const int Characters = 46;

    // A multihash (multiformats.io) says first what it is: 0x12 for SHA-256, then how long.
    private static ReadOnlySpan<byte> Multihash => [0x12, DigestSize];

    /// <summary>The 32 bytes of the digest.</summary>
    /// <exception cref="FormatException">The value was never parsed and is no content id.</exception>
    public byte[] Digest => Decode(Value) ?? throw new FormatException($"'{Value}' is no content id.");

    /// <summary>The content id of a digest of 32 bytes.</summary>
    public static ContentId OfDigest(ReadOnlySpan<byte> digest) => digest.Length == DigestSize
        ? new(Base58.Encode([.. Multihash, .. digest]))
        : throw new ArgumentException($"The digest of a content id has {DigestSize} bytes, not {digest.Length}.", nameof(digest));

    /// <exception cref="FormatException">The text is no CIDv0.</exception>
    public static ContentId Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not a content id: a CIDv0, 46 characters of base58 that start with Qm.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out ContentId result)
    {
        result = new ContentId(s ?? "");
        return Decode(s) is not null;
    }

    public override string ToString() => Value;

    private static byte[]? Decode(string? text) =>
        text is { Length: Characters } && Base58.Decode(text) is { Length: DigestSize + 2 } bytes && bytes.AsSpan().StartsWith(Multihash) ? bytes[2..] : null;
}
