using System.IO.Compression;
using Berth.Jobs;
using Berth.Node.Runs;
using Berth.Protocol;
using Berth.Protocol.Sealing;

namespace Berth.Node.Reports;

/// <summary>How the log of an operation of a confidential job lies in its file, and how it goes to the market.</summary>
internal sealed record SealedLog(RunSeal Run, LineSeal Lines, int Index);

/// <summary>
/// Packs the lines of one operation's log file into chunks while it is being written, each line once and none before it is whole. It remembers the place in the file, so
/// packing costs only what is new.
/// </summary>
internal sealed class LogPacker(OperationId operation, string path, SealedLog? sealedLog = null)
{
    private static readonly int Usual = LogChunk.UsualSize;
    private long _packedOffset;
    private long _packedLine;
    private long _sentOffset;
    private long _sentLine;

    public OperationId Operation => operation;

    /// <summary>Something of the file is not packed yet.</summary>
    public bool HasMore => File.Exists(path) && new FileInfo(path).Length > _packedOffset;

    /// <summary>Goes to just after the line of that number, or to the end when there is none yet; what was packed beyond is packed again.</summary>
    public void GoAfter(long line)
    {
        if (line < _sentLine)
        {
            (_sentOffset, _sentLine) = (0, 0);
        }

        if (line == _packedLine)
        {
            (_sentOffset, _sentLine) = (_packedOffset, _packedLine);
        }
        else if (line > _sentLine && File.Exists(path))
        {
            Skip(line);
        }

        (_packedOffset, _packedLine) = (_sentOffset, _sentLine);
    }

    /// <summary>The next chunk, or null when every whole line of the file is packed.</summary>
    public LogChunk? Next(ref byte[] buffer)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        using var file = Open();
        if (file.Length <= _packedOffset)
        {
            return null;
        }

        if (buffer.Length < Usual)
        {
            buffer = new byte[Usual];
        }

        file.Seek(_packedOffset, SeekOrigin.Begin);
        var filled = file.ReadAtLeast(buffer.AsSpan(0, Usual), Usual, throwOnEndOfStream: false);
        var cut = buffer.AsSpan(0, filled).LastIndexOf((byte)'\n') + 1;
        while (cut == 0)
        {
            // One line alone is larger than a usual chunk.
            if (filled == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }

            var read = file.Read(buffer.AsSpan(filled));
            if (read == 0)
            {
                return null;
            }

            cut = buffer.AsSpan(filled, read).IndexOf((byte)'\n') is var end and >= 0 ? filled + end + 1 : 0;
            filled += read;
        }

        var lines = buffer.AsSpan(0, cut).Count((byte)'\n');
        var chunk = Chunk(buffer.AsSpan(0, cut), lines);
        _packedLine += lines;
        _packedOffset += cut;
        return chunk;
    }

    /// <summary>What the market calls the operation: of a confidential job not by its name.</summary>
    public string NameOnWire => sealedLog is null ? operation.Value : $"{sealedLog.Index}";

    private LogChunk Chunk(ReadOnlySpan<byte> written, int lines)
    {
        if (sealedLog is null)
        {
            return new LogChunk(operation, _packedLine + 1, _packedLine + lines, written.Length, Pack(written));
        }

        var opened = new MemoryStream(written.Length);
        foreach (var line in written[..^1].Split((byte)'\n'))
        {
            opened.Write(sealedLog.Lines.Open(written[line]));
            opened.WriteByte((byte)'\n');
        }

        return sealedLog.Run.Seal(new LogChunk(operation, _packedLine + 1, _packedLine + lines, (int)opened.Length, Pack(opened.GetBuffer().AsSpan(0, (int)opened.Length))), sealedLog.Index);
    }

    private void Skip(long line)
    {
        using var file = Open();
        file.Seek(_sentOffset, SeekOrigin.Begin);
        var buffer = new byte[64 * 1024];
        var position = _sentOffset;
        for (int read; _sentLine < line && (read = file.Read(buffer)) > 0; position += read)
        {
            for (int start = 0, end; _sentLine < line && (end = buffer.AsSpan(start, read - start).IndexOf((byte)'\n')) >= 0; start += end + 1)
            {
                _sentLine++;
                _sentOffset = position + start + end + 1;
            }
        }
    }

    private FileStream Open() => new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);

    private static byte[] Pack(ReadOnlySpan<byte> lines)
    {
        var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zip.Write(lines);
        }

        return packed.ToArray();
    }
}
