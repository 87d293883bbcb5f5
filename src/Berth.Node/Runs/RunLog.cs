using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>
/// The full log of one operation on disk, a line of the container a line of the file: time, stream letter, the raw bytes. It also
/// remembers where reading the engine must resume: the time of the last line of each stream and how many lines had it.
/// </summary>
public sealed class RunLog : IDisposable
{
    private const int TimeLength = 28;
    private const int LineOverhead = TimeLength + 4;
    private static ReadOnlySpan<byte> Letters => "oeni"u8;

    private readonly FileStream _file;
    private readonly ArrayBufferWriter<byte> _lines = new(256 * 1024);
    private readonly StreamPlace[] _places = new StreamPlace[4];
    private readonly LineSeal? _seal;
    private readonly byte[] _stamp = new byte[TimeLength];
    private long _second = -1;
    private DateTimeOffset? _wholeUntil;

    private RunLog(FileStream file, LineSeal? seal) => (_file, _seal) = (file, seal);

    /// <summary>How many lines it has.</summary>
    public long Lines { get; private set; }

    /// <summary>How many bytes of the container's own text it has.</summary>
    public long TextBytes { get; private set; }

    /// <summary>
    /// From when on the engine must be asked again, or null for the beginning: a stream that gave nothing yet may have a line on the
    /// way that began before all of the other's. <see cref="HasAlready"/> knows what comes twice.
    /// </summary>
    public DateTimeOffset? ResumeFrom
    {
        get
        {
            var (output, error) = (_places[(int)LogStream.Stdout].Last, _places[(int)LogStream.Stderr].Last);
            var earlier = output is null || error is null ? null : Earlier(output, error);
            return earlier > _wholeUntil ? earlier : _wholeUntil ?? earlier;
        }
    }

    /// <summary>Opens or makes the log, whose lines are sealed or lie open; a torn last line is dropped, and <paramref name="each"/> is given every whole line that is there.</summary>
    public static RunLog Open(string path, Action<LogLine> each, LineSeal? seal = null)
    {
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1);
        var log = new RunLog(file, seal);
        var whole = 0L;
        foreach (var (line, end) in ReadLines(file, seal))
        {
            whole = end;
            log.Count(line);
            each(line);
        }

        file.SetLength(whole);
        file.Seek(whole, SeekOrigin.Begin);
        return log;
    }

    /// <summary>Whether the line is one the log already has, as reading from <see cref="ResumeFrom"/> gives again.</summary>
    public bool HasAlready(in LogLine line)
    {
        ref var place = ref _places[(int)line.Stream];
        if (place.CaughtUp || place.Last is not { } last || line.At > last)
        {
            place.CaughtUp = true;
            return false;
        }

        if (line.At < last)
        {
            return true;
        }

        place.Skipped++;
        return place.Skipped <= place.AtLast;
    }

    /// <summary>Everything the container wrote so far is in the log; a container that is started again is read from here.</summary>
    public void MarkWhole()
    {
        var (output, error) = (_places[(int)LogStream.Stdout].Last, _places[(int)LogStream.Stderr].Last);
        _wholeUntil = output > error ? output : error ?? output;
    }

    /// <summary>How many bytes of the container's own text a log of so many lines has, told from the size of its file.</summary>
    public static long TextBytesOf(string path, long lines) => File.Exists(path) ? Math.Max(0, new FileInfo(path).Length - (lines * LineOverhead)) : 0;

    /// <summary>Begins a new reading of the engine at <see cref="ResumeFrom"/>.</summary>
    public void BeginReading()
    {
        foreach (ref var place in _places.AsSpan())
        {
            place.Skipped = 0;
            place.CaughtUp = false;
        }
    }

    /// <summary>Adds a line; it reaches the file with the next <see cref="Flush"/>.</summary>
    public void Add(in LogLine line)
    {
        Count(line);
        Stamp(line.At);
        if (_seal is null)
        {
            Write(line, _lines);
        }
        else
        {
            var open = new ArrayBufferWriter<byte>(line.Text.Length + LineOverhead);
            Write(line, open);
            _lines.Write(_seal.Seal(open.WrittenSpan));
        }

        _lines.Write("\n"u8);
        if (_lines.WrittenCount > 1 << 20)
        {
            Flush();
        }
    }

    private void Write(in LogLine line, ArrayBufferWriter<byte> lines)
    {
        var space = lines.GetSpan(TimeLength + 3);
        _stamp.CopyTo(space);
        space[TimeLength] = (byte)' ';
        space[TimeLength + 1] = Letters[(int)line.Stream];
        space[TimeLength + 2] = (byte)' ';
        lines.Advance(TimeLength + 3);
        lines.Write(line.Text.Span);
        if (line.LeftOut > 0)
        {
            lines.Write(Encoding.UTF8.GetBytes(line.CutMark));
        }
    }

    /// <summary>Puts what was added into the file.</summary>
    public void Flush()
    {
        if (_lines.WrittenCount > 0)
        {
            _file.Write(_lines.WrittenSpan);
            _lines.ResetWrittenCount();
        }
    }

    /// <summary>Puts everything onto the disk itself.</summary>
    public void FlushToDisk()
    {
        Flush();
        _file.Flush(flushToDisk: true);
    }

    public void Dispose() => _file.Dispose();

    /// <summary>The last lines of the log at the path, as a result keeps them.</summary>
    public static LogTail Tail(string path, int most, LineSeal? seal = null)
    {
        if (!File.Exists(path))
        {
            return new LogTail([], 0);
        }

        var total = 0L;
        using (var counting = File.OpenRead(path))
        {
            var buffer = new byte[1 << 16];
            for (int read; (read = counting.Read(buffer)) > 0;)
            {
                total += buffer.AsSpan(0, read).Count((byte)'\n');
            }
        }

        return new LogTail(Last(path, seal, total - most), Math.Max(0, total - most));
    }

    /// <summary>Every whole line of the log at the path.</summary>
    public static IEnumerable<LogLine> Read(string path, LineSeal? seal = null) => Last(path, seal, 0);

    private static IEnumerable<LogLine> Last(string path, LineSeal? seal, long skip)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
        foreach (var (line, _) in ReadLines(file, seal))
        {
            if (skip-- <= 0)
            {
                yield return line;
            }
        }
    }

    private static IEnumerable<(LogLine Line, long End)> ReadLines(FileStream file, LineSeal? seal)
    {
        var buffer = new byte[1 << 16];
        var kept = 0;
        var offset = 0L;
        while (true)
        {
            if (kept == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }

            var read = file.Read(buffer.AsSpan(kept));
            if (read == 0)
            {
                yield break;
            }

            var filled = kept + read;
            var start = 0;
            for (int length; (length = buffer.AsSpan(start, filled - start).IndexOf((byte)'\n')) >= 0; start += length + 1)
            {
                offset += length + 1;
                var written = buffer.AsMemory(start, length);
                if (Parse(seal is null ? written : seal.Open(written.Span)) is { } line)
                {
                    yield return (line, offset);
                }
            }

            kept = filled - start;
            buffer.AsSpan(start, kept).CopyTo(buffer);
        }
    }

    private static LogLine? Parse(ReadOnlyMemory<byte> line)
    {
        if (line.Length < TimeLength + 3 ||
            !Utf8Parser.TryParse(line.Span[..TimeLength], out DateTimeOffset at, out _, 'O') ||
            Letters.IndexOf(line.Span[TimeLength + 1]) is var stream && stream < 0)
        {
            return null;
        }

        return new LogLine((LogStream)stream, at, line[(TimeLength + 3)..]);
    }

    private void Count(in LogLine line)
    {
        Lines++;
        TextBytes += line.Text.Length;
        ref var place = ref _places[(int)line.Stream];
        if (place.Last == line.At)
        {
            place.AtLast++;
        }
        else
        {
            place.Last = line.At;
            place.AtLast = 1;
        }
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? one, DateTimeOffset? other) => other < one ? other : one;

    private void Stamp(DateTimeOffset at)
    {
        var ticks = at.UtcTicks;
        if (ticks / TimeSpan.TicksPerSecond != _second)
        {
            _second = ticks / TimeSpan.TicksPerSecond;
            Encoding.ASCII.GetBytes(at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture), _stamp);
            return;
        }

        var fraction = ticks % TimeSpan.TicksPerSecond;
        for (var digit = TimeLength - 2; digit >= TimeLength - 8; digit--)
        {
            _stamp[digit] = (byte)('0' + (fraction % 10));
            fraction /= 10;
        }
    }

    private struct StreamPlace
    {
        public DateTimeOffset? Last;
        public int AtLast;
        public int Skipped;
        public bool CaughtUp;
    }
}
