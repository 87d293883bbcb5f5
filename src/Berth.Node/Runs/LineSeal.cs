using System.Buffers;
using System.Buffers.Text;
using Berth.Protocol.Sealing;

namespace Berth.Node.Runs;

/// <summary>Seals the lines of a confidential run's log file, each by itself, so that the file can be added to and read to wherever it was torn: a line is base64 of what is sealed.</summary>
public sealed class LineSeal(ContentKey key, string purpose)
{
    public byte[] Seal(ReadOnlySpan<byte> line)
    {
        var made = key.Seal(line, purpose);
        var text = new byte[Base64.GetMaxEncodedToUtf8Length(made.Length)];
        Base64.EncodeToUtf8(made, text, out _, out _);
        return text;
    }

    /// <summary>The line, or null when it is none of this file's.</summary>
    public byte[]? Open(ReadOnlySpan<byte> text)
    {
        var made = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        return Base64.DecodeFromUtf8(text, made, out _, out var length) == OperationStatus.Done ? key.Open(made.AsSpan(0, length), purpose) : null;
    }
}
