using System.Buffers.Text;
using System.IO.Compression;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Protocol;

/// <summary>Reads the lines of a chunk.</summary>
public static class LogChunkLines
{
    private const int TimeLength = 28;
    private static ReadOnlySpan<byte> Letters => "oeni"u8;

    /// <summary>The chunk's lines in order; their bytes stay good.</summary>
    /// <exception cref="InvalidDataException">It is no chunk, or one that unpacks to more than it says.</exception>
    public static IReadOnlyList<LogLine> Unpack(this LogChunk chunk)
    {
        var bytes = new byte[chunk.Size];
        using (var unpacked = new GZipStream(new MemoryStream(chunk.Data), CompressionMode.Decompress))
        {
            if (chunk.Size > LogChunk.LargestSize || unpacked.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) != bytes.Length || unpacked.ReadByte() >= 0)
            {
                throw new InvalidDataException($"A chunk of the log of '{chunk.Operation}' is not {chunk.Size} bytes long.");
            }
        }

        var lines = new List<LogLine>((int)Math.Min(chunk.Last - chunk.First + 1, chunk.Size));
        var start = 0;
        for (int length; (length = bytes.AsSpan(start).IndexOf((byte)'\n')) >= 0; start += length + 1)
        {
            var line = bytes.AsMemory(start, length);
            if (line.Length >= TimeLength + 3
                && Utf8Parser.TryParse(line.Span[..TimeLength], out DateTimeOffset at, out _, 'O')
                && Letters.IndexOf(line.Span[TimeLength + 1]) is var stream and >= 0)
            {
                lines.Add(new LogLine((LogStream)stream, at, line[(TimeLength + 3)..]));
            }
        }

        return lines;
    }
}
