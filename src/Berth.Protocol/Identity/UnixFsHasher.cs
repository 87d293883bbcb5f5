using System.Buffers;
using System.Security.Cryptography;

namespace Berth.Protocol.Identity;

/// <summary>
/// Computes the content id that <c>ipfs add</c> gives a file of any size with its default settings: chunks of 256 KiB, each a UnixFS node, under a balanced tree of nodes with
/// 174 links at most. It holds one chunk and one unfinished node of each level, less than 300 KiB.
/// </summary>
/// <remarks>
/// <code>
///                    root                     one node at last
///            ┌────────┴────────┐
///          node              node             174 links, then the next
///       ┌────┼────┐          ┌─┴──┐
///     chunk chunk …        chunk chunk        262,144 bytes, the last one what is left
/// </code>
/// </remarks>
public sealed class UnixFsHasher : IDisposable
{
    /// <summary>Bytes of the file in one chunk.</summary>
    public const int ChunkSize = 262_144;

    /// <summary>The most links that a node has.</summary>
    public const int LinksPerNode = 174;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly int _linksPerNode;

    // By level the nodes that wait for their parent; those of the lowest are chunks.
    private readonly List<List<UnixFsNode>> _levels = [];
    private readonly byte[] _chunk;
    private int _filled;

    public UnixFsHasher()
        : this(ChunkSize, LinksPerNode)
    {
    }

    // With settings so small that a test reaches every shape of the tree.
    internal UnixFsHasher(int chunkSize, int linksPerNode)
    {
        _chunk = new byte[chunkSize];
        _linksPerNode = linksPerNode;
    }

    /// <summary>The content id of a file that is at hand.</summary>
    public static ContentId IdOf(ReadOnlySpan<byte> file)
    {
        using var hasher = new UnixFsHasher();
        hasher.Append(file);
        return hasher.Finish();
    }

    /// <summary>The content id of what the stream still has.</summary>
    public static async Task<ContentId> IdOfAsync(Stream file, CancellationToken ct)
    {
        using var hasher = new UnixFsHasher();
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkSize);
        try
        {
            for (int read; (read = await file.ReadAsync(buffer, ct)) > 0;)
            {
                hasher.Append(buffer.AsSpan(0, read));
            }

            return hasher.Finish();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The next bytes of the file, in pieces of any size.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var taken = Math.Min(bytes.Length, _chunk.Length - _filled);
            bytes[..taken].CopyTo(_chunk.AsSpan(_filled));
            bytes = bytes[taken..];
            _filled += taken;
            if (_filled == _chunk.Length)
            {
                EndChunk();
            }
        }
    }

    /// <summary>The content id of all bytes so far; the hasher is as new afterwards.</summary>
    public ContentId Finish()
    {
        if (_filled > 0 || _levels.Count == 0)
        {
            EndChunk();
        }

        // Without recursion: what a level has left over goes under one node of the next, until a single node is all there is.
        for (var level = 0; ; level++)
        {
            if (level == _levels.Count - 1 && _levels[level] is [var root])
            {
                _levels.Clear();
                return ContentId.OfDigest(root.Digest);
            }

            if (_levels[level].Count > 0)
            {
                Join(level);
            }
        }
    }

    public void Dispose() => _hash.Dispose();

    private void EndChunk()
    {
        Add(UnixFsNode.OfChunk(_chunk.AsSpan(0, _filled), _hash), level: 0);
        _filled = 0;
    }

    private void Add(UnixFsNode node, int level)
    {
        if (level == _levels.Count)
        {
            _levels.Add([]);
        }

        _levels[level].Add(node);
        if (_levels[level].Count == _linksPerNode)
        {
            Join(level);
        }
    }

    private void Join(int level)
    {
        var parent = UnixFsNode.OfChildren(_levels[level], _hash);
        _levels[level].Clear();
        Add(parent, level + 1);
    }
}
