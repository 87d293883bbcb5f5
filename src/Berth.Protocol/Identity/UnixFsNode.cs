using System.Buffers;
using System.Security.Cryptography;

namespace Berth.Protocol.Identity;

/// <summary>
/// One node of a file's tree as its parent knows it: the digest of its block, the bytes of the file under it, and the size of its block with all blocks under it.
/// Blocks are DAG-PB (ipld.io/specs/codecs/dag-pb) around a UnixFS message (specs.ipfs.tech/unixfs), written by hand: a dozen fields of two messages.
/// </summary>
internal readonly record struct UnixFsNode(byte[] Digest, long FileSize, long TotalSize)
{
    // Field number and wire type of protocol buffers in one byte each.
    private const byte NodeData = 0x0a;
    private const byte NodeLink = 0x12;
    private const byte LinkTotalSize = 0x18;
    private const byte FileData = 0x12;
    private const byte FileLength = 0x18;
    private const byte FileBlockSize = 0x20;

    // The field for a link's hash, its length, and what a SHA-256 multihash starts with.
    private static ReadOnlySpan<byte> LinkHash => [0x0a, 34, 0x12, 32];

    // The field for a link's name, which files do not give.
    private static ReadOnlySpan<byte> LinkName => [0x12, 0];

    // The field for the type, which is file for nodes and leaves alike.
    private static ReadOnlySpan<byte> FileType => [0x08, 2];

    /// <summary>The leaf for a piece of the file; only an empty file has an empty one.</summary>
    public static UnixFsNode OfChunk(ReadOnlySpan<byte> chunk, IncrementalHash hash)
    {
        var before = new ArrayBufferWriter<byte>(16);
        var after = new ArrayBufferWriter<byte>(16);
        if (!chunk.IsEmpty)
        {
            WriteNumber(before, FileData, chunk.Length);
        }

        WriteNumber(after, FileLength, chunk.Length);
        var message = new ArrayBufferWriter<byte>(32);
        WriteNumber(message, NodeData, FileType.Length + before.WrittenCount + chunk.Length + after.WrittenCount);
        message.Write(FileType);
        message.Write(before.WrittenSpan);

        hash.AppendData(message.WrittenSpan);
        hash.AppendData(chunk);
        hash.AppendData(after.WrittenSpan);
        return new(hash.GetHashAndReset(), chunk.Length, message.WrittenCount + chunk.Length + after.WrittenCount);
    }

    /// <summary>The node over nodes that stand side by side in the file.</summary>
    public static UnixFsNode OfChildren(IReadOnlyList<UnixFsNode> children, IncrementalHash hash)
    {
        // Links come first in the canonical form, although the data's field number is the smaller one.
        var block = new ArrayBufferWriter<byte>(16 * 1024);
        var link = new ArrayBufferWriter<byte>(64);
        foreach (var child in children)
        {
            link.ResetWrittenCount();
            link.Write(LinkHash);
            link.Write(child.Digest);
            link.Write(LinkName);
            WriteNumber(link, LinkTotalSize, child.TotalSize);
            WriteNumber(block, NodeLink, link.WrittenCount);
            block.Write(link.WrittenSpan);
        }

        var size = children.Sum(child => child.FileSize);
        var file = new ArrayBufferWriter<byte>(2 * 1024);
        file.Write(FileType);
        WriteNumber(file, FileLength, size);
        foreach (var child in children)
        {
            WriteNumber(file, FileBlockSize, child.FileSize);
        }

        WriteNumber(block, NodeData, file.WrittenCount);
        block.Write(file.WrittenSpan);

        hash.AppendData(block.WrittenSpan);
        return new(hash.GetHashAndReset(), size, block.WrittenCount + children.Sum(child => child.TotalSize));
    }

    /// <summary>A field's key and a number in seven-bit groups; for fields that hold bytes the number is their length.</summary>
    private static void WriteNumber(ArrayBufferWriter<byte> to, byte key, long number)
    {
        var bytes = to.GetSpan(11);
        var length = 0;
        bytes[length++] = key;
        for (; number >= 0x80; number >>= 7)
        {
            bytes[length++] = (byte)(number | 0x80);
        }

        bytes[length++] = (byte)number;
        to.Advance(length);
    }
}
