using System.Runtime.InteropServices;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Containers;

/// <summary>
/// Where a reader stands in a container's log, so that it can begin again without losing or repeating a line. Each stream has a place of its own
/// (the time of its last line and how many lines it had at that time), because a long line of one stream may begin before lines of
/// the other that are given earlier.
/// </summary>
public sealed class LogCursor
{
    private readonly bool _isOneOrder;
    private Place _out;
    private Place _error;

    public LogCursor()
    {
    }

    /// <summary>With <paramref name="isOneOrder"/> the times of both streams never go back, so one place is enough.</summary>
    internal LogCursor(bool isOneOrder) => _isOneOrder = isOneOrder;

    /// <summary>From when the log must be read again; null is from its beginning, because a stream has given nothing yet.</summary>
    public DateTimeOffset? Since =>
        _isOneOrder ? _out.Count == 0 ? null : _out.At
        : _out.Count == 0 || _error.Count == 0 ? null
        : _out.At < _error.At ? _out.At : _error.At;

    /// <summary>How many lines were given.</summary>
    public long Given { get; private set; }

    /// <summary>The log is being read again from <see cref="Since"/>.</summary>
    public void Rewind()
    {
        _out.Rewind();
        _error.Rewind();
    }

    /// <summary>Whether the line was not given before the last <see cref="Rewind"/>; it counts as given from now on.</summary>
    public bool IsNew(in LogLine line)
    {
        var isNew = PlaceOf(line.Stream).IsNew(line.At);
        Given += isNew ? 1 : 0;
        return isNew;
    }

    /// <summary>Lines of its stream at a later time were given, so everything the log has after it can be told to be given or new.</summary>
    internal bool IsBefore(in LogLine line) => line.At < PlaceOf(line.Stream).At;

    /// <summary>The lines of the batch that were not given before; the batch itself, shortened in place.</summary>
    internal List<LogLine> Take(List<LogLine> batch)
    {
        var kept = 0;
        var lines = CollectionsMarshal.AsSpan(batch);
        for (var i = 0; i < lines.Length; i++)
        {
            if (IsNew(lines[i]))
            {
                lines[kept++] = lines[i];
            }
        }

        batch.RemoveRange(kept, batch.Count - kept);
        return batch;
    }

    private ref Place PlaceOf(LogStream stream) => ref stream == LogStream.Stdout || _isOneOrder ? ref _out : ref _error;

    private struct Place
    {
        private int _seen;
        private bool _rewound;

        public DateTimeOffset At { get; private set; }

        public int Count { get; private set; }

        public void Rewind()
        {
            _seen = 0;
            _rewound = Count > 0;
        }

        public bool IsNew(DateTimeOffset at)
        {
            if (_rewound)
            {
                if (at < At || (at == At && ++_seen <= Count))
                {
                    return false;
                }

                _rewound = false;
            }

            Count = at == At ? Count + 1 : 1;
            At = at;
            return true;
        }
    }
}
