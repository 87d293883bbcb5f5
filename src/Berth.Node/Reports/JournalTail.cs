using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Berth.Jobs.Results;
using Berth.Node.Runs;

namespace Berth.Node.Reports;

/// <summary>An event of a journal as it goes to the market, and as it is understood here; null when this program does not know its kind.</summary>
internal readonly record struct JournalEntry(long Number, JsonElement Event, RunEvent? Known, int Size);

/// <summary>Reads a journal that is being written, from an event on; it remembers the place in the file, so reading on costs only what is new.</summary>
internal sealed class JournalTail(RunFolder folder)
{
    private const int Block = 64 * 1024;
    private long _offset;

    /// <summary>The number of the event that is read up to; 0 before the first.</summary>
    public long Number { get; private set; }

    /// <summary>It was seen that the run's end is written there.</summary>
    public bool HasEnd { get; private set; }

    /// <summary>The run's operations as its first event announces them, by their place in the definition; empty before.</summary>
    public ImmutableArray<OperationOutline> Operations { get; private set; } = [];

    /// <summary>Goes to just after the event of that number, or to the end when there is none yet.</summary>
    public void GoAfter(long number)
    {
        if (number < Number)
        {
            (_offset, Number) = (0, 0);
        }

        foreach (var (entry, end) in ReadFrom(_offset))
        {
            if (entry.Number > number)
            {
                break;
            }

            (_offset, Number) = (end, entry.Number);
        }
    }

    /// <summary>The events that follow, without going on to them: at most so many, of at most so many bytes unless the first alone is larger.</summary>
    public IReadOnlyList<JournalEntry> Peek(int most, int mostBytes)
    {
        var entries = new List<JournalEntry>();
        foreach (var (entry, _) in ReadFrom(_offset))
        {
            mostBytes -= entry.Size;
            if (entries.Count == most || (mostBytes < 0 && entries.Count > 0))
            {
                break;
            }

            entries.Add(entry);
        }

        return entries;
    }

    private IEnumerable<(JournalEntry Entry, long End)> ReadFrom(long offset)
    {
        if (!File.Exists(folder.Journal))
        {
            yield break;
        }

        using var file = new FileStream(folder.Journal, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
        file.Seek(offset, SeekOrigin.Begin);
        var buffer = new byte[Math.Clamp(file.Length - offset, 1, Block)];
        var kept = 0;
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
                if (Entry(buffer.AsMemory(start, length)) is { } entry)
                {
                    yield return (entry, offset);
                }
            }

            kept = filled - start;
            buffer.AsSpan(start, kept).CopyTo(buffer);
        }
    }

    private JournalEntry? Entry(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var parsed = JsonDocument.Parse(line);
            var known = folder.Seal?.TryOpen(parsed.RootElement) is { } opened ? RunEventJson.Read(Encoding.UTF8.GetBytes(opened.GetRawText())) : RunEventJson.Read(line.Span);
            if (known is RunStarted started)
            {
                Operations = started.Operations;
            }

            HasEnd |= known is RunEnded;
            return parsed.RootElement.TryGetProperty("number", out var number) && number.TryGetInt64(out var value)
                ? new JournalEntry(value, parsed.RootElement.Clone(), known, line.Length)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
