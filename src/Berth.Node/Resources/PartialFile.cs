using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Berth.Node.Resources;

/// <summary>
/// A file that comes in pieces, in any order, over several lives of a process. Beside it lies how much of each piece is there: an 8-byte count
/// a piece, after a header that says what file of what version this is. Counts are written after the bytes they count.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private const int HeaderBytes = 32;
    private readonly SafeFileHandle _data;
    private readonly SafeFileHandle _counts;
    private readonly long[] _had;

    private PartialFile(SafeFileHandle data, SafeFileHandle counts, long size, int pieceBytes, long[] had) =>
        (_data, _counts, Size, PieceBytes, _had) = (data, counts, size, pieceBytes, had);

    public long Size { get; }

    public int PieceBytes { get; }

    public int Pieces => _had.Length;

    /// <summary>Bytes that are there already.</summary>
    public long Had => _had.Sum();

    /// <summary>Where the piece begins and ends, and how much of it is there, from its beginning on.</summary>
    public (long From, long End, long Had) Piece(int index) => ((long)index * PieceBytes, Math.Min(Size, (long)(index + 1) * PieceBytes), _had[index]);

    /// <summary>Opens what is there of this version of the file, or begins anew.</summary>
    public static PartialFile Open(string path, string version, long size, int pieceBytes)
    {
        var header = SHA256.HashData(Encoding.UTF8.GetBytes($"{version}\n{size}\n{pieceBytes}"));
        var pieces = (int)((size + pieceBytes - 1) / pieceBytes);
        var data = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        var counts = File.OpenHandle(CountsOf(path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        var had = new long[pieces];
        var kept = new byte[HeaderBytes + (8 * pieces)];
        var isSame = RandomAccess.GetLength(data) == size && RandomAccess.Read(counts, kept, 0) == kept.Length && kept.AsSpan(0, HeaderBytes).SequenceEqual(header);
        if (isSame)
        {
            for (var index = 0; index < pieces; index++)
            {
                had[index] = BinaryPrimitives.ReadInt64LittleEndian(kept.AsSpan(HeaderBytes + (8 * index)));
            }
        }
        else
        {
            RandomAccess.SetLength(counts, 0);
            RandomAccess.SetLength(data, 0);
            RandomAccess.SetLength(data, size);
            Array.Clear(kept);
            header.CopyTo(kept, 0);
            RandomAccess.Write(counts, kept, 0);
        }

        return new PartialFile(data, counts, size, pieceBytes, had);
    }

    /// <summary>Appends to a piece.</summary>
    public void Append(int piece, ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_data, bytes, ((long)piece * PieceBytes) + _had[piece]);
        _had[piece] += bytes.Length;
        Span<byte> count = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(count, _had[piece]);
        RandomAccess.Write(_counts, count, HeaderBytes + (8L * piece));
    }

    public void Dispose()
    {
        _data.Dispose();
        _counts.Dispose();
    }

    /// <summary>Removes the counts; the data is a file like any other from here.</summary>
    public static void Finish(string path) => File.Delete(CountsOf(path));

    public static void Discard(string path)
    {
        File.Delete(path);
        File.Delete(CountsOf(path));
    }

    private static string CountsOf(string path) => path + ".counts";
}
