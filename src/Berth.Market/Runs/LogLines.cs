using System.Buffers.Binary;
using System.IO.Compression;
using Berth.Protocol;
using Berth.Protocol.Sealing;

namespace Berth.Market.Runs;

/// <summary>Checks chunks of a log that a node sent; nobody downstream has to fear them.</summary>
internal static class LogLines
{
    /// <exception cref="RefusedException">One of the chunks is not what it says, or they are too much for one report.</exception>
    public static void Check(IReadOnlyCollection<LogChunk> chunks, bool isConfidential)
    {
        if (chunks.Any(chunk => chunk is null))
        {
            throw RefusedException.Bad("A chunk of 'logs' is null.");
        }

        if (chunks.Sum(chunk => Math.Max(0L, chunk.Size)) > RunReport.MostUnpacked)
        {
            throw new RefusedException(ProblemTypes.TooLarge, $"One report has at most {RunReport.MostUnpacked >> 20} MiB of lines; send the rest in the next.");
        }

        foreach (var chunk in chunks)
        {
            Check(chunk, isConfidential);
        }
    }

    private static void Check(LogChunk chunk, bool isConfidential)
    {
        if (chunk.First < 1 || chunk.Last < chunk.First || chunk.Size < 1 || chunk.Size > LogChunk.LargestSize || chunk.Operation.Value.Length is 0 or > 256)
        {
            throw RefusedException.Bad($"A chunk of the log of '{chunk.Operation}' has line numbers or a size that cannot be.");
        }

        // What is sealed nobody here can look into; whoever opens it knows that a node of the job made it.
        if (isConfidential)
        {
            if (chunk.Data.Length is < ContentKey.Overhead or > LogChunk.LargestSize)
            {
                throw RefusedException.Bad($"A chunk of the log of '{chunk.Operation}' is not sealed.");
            }

            return;
        }

        try
        {
            Count(chunk);
        }
        catch (InvalidDataException damaged)
        {
            throw RefusedException.Bad($"A chunk of the log of '{chunk.Operation}' does not unpack: {damaged.Message}");
        }
    }

    private static void Count(LogChunk chunk)
    {
        // A member that was cut off unpacks without a word; its last four bytes are the size of what it holds.
        if (chunk.Data.Length < 18 || BinaryPrimitives.ReadUInt32LittleEndian(chunk.Data.AsSpan(^4..)) != chunk.Size)
        {
            throw new InvalidDataException($"it is no whole gzip member of {chunk.Size} bytes.");
        }

        using var unpacked = new GZipStream(new MemoryStream(chunk.Data), CompressionMode.Decompress);
        var buffer = new byte[64 * 1024];
        long size = 0, lines = 0;
        var last = (byte)0;
        for (int read; (read = unpacked.Read(buffer)) > 0 && size <= chunk.Size;)
        {
            size += read;
            lines += buffer.AsSpan(0, read).Count((byte)'\n');
            last = buffer[read - 1];
        }

        if (size != chunk.Size || lines != chunk.Last - chunk.First + 1 || last != '\n')
        {
            throw new InvalidDataException($"it says {chunk.Last - chunk.First + 1} lines in {chunk.Size} bytes and has something else.");
        }
    }
}
