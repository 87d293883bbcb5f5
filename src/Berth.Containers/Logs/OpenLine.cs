using System.Buffers;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Containers.Logs;

/// <summary>A line of one stream that has not come whole yet. It keeps at most the limit of a line and counts the rest.</summary>
internal sealed class OpenLine(LogStream stream, int limit) : IDisposable
{
    private const int FirstLength = 64 * 1024;

    private readonly List<byte[]> _lent = [];
    private byte[]? _buffer;
    private DateTimeOffset _at;
    private int _length;
    private long _leftOut;

    public bool IsOpen { get; private set; }

    public void Begin(DateTimeOffset at)
    {
        IsOpen = true;
        _at = at;
        _length = 0;
        _leftOut = 0;
    }

    public void Append(ReadOnlySpan<byte> piece)
    {
        var kept = Math.Min(piece.Length, limit - _length);
        _leftOut += piece.Length - kept;
        if (kept > 0)
        {
            MakeRoom(_length + kept);
            piece[..kept].CopyTo(_buffer.AsSpan(_length));
            _length += kept;
        }
    }

    /// <summary>The line as it came, good until <see cref="TakeBack"/>.</summary>
    public LogLine Close()
    {
        IsOpen = false;
        var text = _buffer is null ? ReadOnlyMemory<byte>.Empty : _buffer.AsMemory(0, _length);
        if (_buffer is not null)
        {
            _lent.Add(_buffer);
            _buffer = null;
        }

        return new(stream, _at, text, _leftOut);
    }

    /// <summary>Nobody looks at the lines handed out before any more.</summary>
    public void TakeBack()
    {
        foreach (var buffer in _lent)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _lent.Clear();
    }

    public void Dispose()
    {
        TakeBack();
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
        }
    }

    private void MakeRoom(int length)
    {
        if (_buffer?.Length >= length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(length, Math.Min(limit, Math.Max(FirstLength, 2 * _length))));
        if (_buffer is not null)
        {
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = larger;
    }
}
