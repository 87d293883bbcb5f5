using Berth.Jobs;

namespace Berth.Protocol;

/// <summary>
/// Lines <paramref name="First"/> to <paramref name="Last"/> (from 1) of an operation's log, at most 256 KiB of them unless a single line is longer.
/// <paramref name="Data"/> is one gzip member (RFC 1952) of lines in the node's log form: time to 100 ns (<c>2026-01-02T03:04:05.1234567Z</c>), space, stream letter
/// (<c>o</c> stdout, <c>e</c> stderr, <c>n</c> the node, <c>i</c> stdin), space, the raw bytes, newline. Members put one after another are the gzip file of the whole log.
/// </summary>
/// <param name="Operation">Whose log.</param>
/// <param name="First">Number of the first line.</param>
/// <param name="Last">Number of the last line.</param>
/// <param name="Size">Bytes unpacked.</param>
/// <param name="Data">The lines, packed.</param>
public sealed record LogChunk(OperationId Operation, long First, long Last, int Size, byte[] Data)
{
    /// <summary>The size that chunks are cut at, bytes unpacked.</summary>
    public const int UsualSize = 256 * 1024;

    /// <summary>The most that one chunk may hold, bytes unpacked: a line of the largest size and what stands before it.</summary>
    public const int LargestSize = (16 << 20) + 4096;
}
