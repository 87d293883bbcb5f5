using System.Security.Cryptography;
using Berth.Jobs;

namespace Berth.Node.Resources;

/// <summary>How the bytes of a block are to be read.</summary>
internal enum BlockCodec
{
    /// <summary>As they are.</summary>
    Raw = 0x55,

    /// <summary>A node with links (ipld.io/specs/codecs/dag-pb).</summary>
    DagPb = 0x70,
}

/// <summary>A content identifier (github.com/multiformats/cid), version 0 or 1, over SHA-256 or over the bytes themselves.</summary>
internal sealed record Cid(int Version, BlockCodec Codec, int Hash, ReadOnlyMemory<byte> Digest)
{
    private const int Sha256 = 0x12;
    private const int Identity = 0x00;
    private const string Base32 = "abcdefghijklmnopqrstuvwxyz234567";

    /// <summary>As gateways take it.</summary>
    public string Text => Version == 0
        ? Base58.Encode([Sha256, 32, .. Digest.Span])
        : $"b{InBase32([1, (byte)Codec, (byte)Hash, (byte)Digest.Length, .. Digest.Span])}";

    /// <summary>The bytes that stand in the identifier itself.</summary>
    public ReadOnlyMemory<byte>? Inline => Hash == Identity ? new ReadOnlyMemory<byte>?(Digest) : null;

    /// <summary>Whether these are the bytes it stands for.</summary>
    public bool Fits(ReadOnlySpan<byte> block) => Hash == Identity ? block.SequenceEqual(Digest.Span) : SHA256.HashData(block).AsSpan().SequenceEqual(Digest.Span);

    /// <summary>Null when the text is no identifier that this program can check.</summary>
    public static Cid? Parse(string text) =>
        text.Length == 46 && text.StartsWith("Qm", StringComparison.Ordinal) ? Base58.Decode(text) is { } old ? Read(old) : null
        : text.StartsWith('b') ? OfBase32(text.AsSpan(1)) is { } plain ? Read(plain) : null
        : text.StartsWith('B') ? OfBase32(text[1..].ToLowerInvariant()) is { } capital ? Read(capital) : null
        : text.StartsWith('z') ? Base58.Decode(text[1..]) is { } dense ? Read(dense) : null
        : text.StartsWith('f') && text.Length % 2 == 1 && text.Skip(1).All(char.IsAsciiHexDigit) ? Read(Convert.FromHexString(text.AsSpan(1)))
        : null;

    /// <summary>The identifier that the bytes are, as it stands in links.</summary>
    public static Cid? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes is [Sha256, 32, ..] && bytes.Length == 34)
        {
            return new Cid(0, BlockCodec.DagPb, Sha256, bytes[2..].ToArray());
        }

        return bytes is [1, (byte)BlockCodec.Raw or (byte)BlockCodec.DagPb, var hash and (Sha256 or Identity), var length, ..] && length < 128 && bytes.Length == 4 + length && (hash == Identity || length == 32)
            ? new Cid(1, (BlockCodec)bytes[1], hash, bytes[4..].ToArray())
            : null;
    }

    private static string InBase32(ReadOnlySpan<byte> bytes)
    {
        var text = new System.Text.StringBuilder();
        var (held, bits) = (0, 0);
        foreach (var one in bytes)
        {
            (held, bits) = (((held << 8) | one) & 0xFFFF, bits + 8);
            for (; bits >= 5; bits -= 5)
            {
                text.Append(Base32[(held >> (bits - 5)) & 31]);
            }
        }

        return bits > 0 ? text.Append(Base32[(held << (5 - bits)) & 31]).ToString() : text.ToString();
    }

    private static byte[]? OfBase32(ReadOnlySpan<char> text)
    {
        var bytes = new List<byte>();
        var (held, bits) = (0, 0);
        foreach (var letter in text)
        {
            var value = Base32.IndexOf(letter, StringComparison.Ordinal);
            if (value < 0)
            {
                return null;
            }

            (held, bits) = (((held << 5) | value) & 0xFFFF, bits + 5);
            if (bits >= 8)
            {
                bytes.Add((byte)(held >> (bits - 8)));
                bits -= 8;
            }
        }

        return [.. bytes];
    }
}
