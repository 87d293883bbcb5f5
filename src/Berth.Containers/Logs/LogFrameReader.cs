using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Containers.Logs;

/// <summary>
/// Cuts an engine's log stream into lines. Memory stays flat: one buffer for what the network brought, and one line per stream.
/// A line without its newline at the end of the stream is a line where the stream is whole, and is left for another reading where it is not.
/// <code>
/// ┌────────┬───────┬─────────────────────┬──────────────────────────────────────────┐
/// │ stream │ 0 0 0 │ length (big endian) │ 2025-11-22T15:18:23.123456789Z text … \n │   a frame; without \n the stream's next one goes on
/// └────────┴───────┴─────────────────────┴──────────────────────────────────────────┘
/// </code>
/// </summary>
internal sealed class LogFrameReader(Stream source, int maxLine, bool isWhole) : IDisposable
{
    private const int HeaderLength = 8;
    private const int BufferLength = 256 * 1024;
    private const int LeastRoom = 64 * 1024;
    private const int LongestTimestamp = 64;
    private const int LargestError = 4096;

    private readonly List<LogLine> _batch = [];
    private readonly OpenLine _out = new(LogStream.Stdout, maxLine);
    private readonly OpenLine _error = new(LogStream.Stderr, maxLine);
    private byte[]? _buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
    private ValueTask<int> _reading;
    private bool _isReading;
    private int _start;
    private int _end;
    private OpenLine? _frameLine;
    private int _frameLeft;

    /// <summary>The next lines, good until the next call; null when there are no more. What has come already goes into one batch.</summary>
    public async ValueTask<List<LogLine>?> ReadAsync(CancellationToken ct)
    {
        _batch.Clear();
        _out.TakeBack();
        _error.TakeBack();
        while (true)
        {
            if (!_isReading)
            {
                KeepRest();
                BeginReading(ct);
            }

            _isReading = false;
            var read = await _reading;
            if (read == 0)
            {
                if (isWhole)
                {
                    CloseOpenLines();
                }

                return _batch.Count > 0 ? _batch : null;
            }

            _end += read;
            TakeFrames();
            if (_batch.Count > 0)
            {
                if (_buffer!.Length - _end >= LeastRoom)
                {
                    BeginReading(ct);
                }

                if (!_isReading || !_reading.IsCompleted)
                {
                    return _batch;
                }
            }
        }
    }

    public void Dispose()
    {
        _out.Dispose();
        _error.Dispose();

        // A read that is still under way may yet write into the buffer: then nobody else may have it.
        if (_buffer is not null && !_isReading)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = null;
    }

    private void BeginReading(CancellationToken ct)
    {
#pragma warning disable CA2012 // Awaited once, by this call of ReadAsync or the next; a Task for each read would be an allocation for each read.
        _reading = source.ReadAsync(_buffer.AsMemory(_end), ct);
#pragma warning restore CA2012
        _isReading = true;
    }

    private void KeepRest()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
    }

    private void TakeFrames()
    {
        while (_frameLine is null ? TakeFrame() : TakePieceOfFrame())
        {
        }
    }

    private bool TakeFrame()
    {
        var available = _buffer.AsSpan(_start, _end - _start);
        if (available.Length < HeaderLength)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadInt32BigEndian(available[4..]);
        if (available[0] is 0 or > 3 || available[1] != 0 || available[2] != 0 || available[3] != 0 || length < 0)
        {
            throw new InvalidDataException("the engine's log stream is not cut into frames");
        }

        if (available[0] == 3)
        {
            return TakeError(available[HeaderLength..], length);
        }

        var payload = available[HeaderLength..];
        if (payload.Length < Math.Min(length, HeaderLength + length > _buffer!.Length ? LongestTimestamp : length))
        {
            return false;
        }

        var line = available[0] == 1 ? _out : _error;
        var whole = payload.Length >= length;
        payload = payload[..Math.Min(payload.Length, length)];
        var stamp = LogTimestamp.TryRead(payload, out var at, out var stampLength) ? stampLength : 0;
        var text = payload[stamp..];
        if (whole && !line.IsOpen && text is [.., (byte)'\n'] && text.Length <= maxLine + 1)
        {
            _batch.Add(new(line == _out ? LogStream.Stdout : LogStream.Stderr, at, _buffer.AsMemory(_start + HeaderLength + stamp, text.Length - 1)));
            _start += HeaderLength + length;
            return true;
        }

        if (!line.IsOpen)
        {
            line.Begin(at);
        }

        _start += HeaderLength + stamp;
        _frameLine = line;
        _frameLeft = length - stamp;
        return true;
    }

    private bool TakePieceOfFrame()
    {
        var piece = _buffer.AsSpan(_start, Math.Min(_frameLeft, _end - _start));
        if (piece.Length < _frameLeft)
        {
            _frameLine!.Append(piece);
            _start += piece.Length;
            _frameLeft -= piece.Length;
            return false;
        }

        var ended = piece is [.., (byte)'\n'];
        _frameLine!.Append(ended ? piece[..^1] : piece);
        if (ended)
        {
            _batch.Add(_frameLine.Close());
        }

        _start += piece.Length;
        _frameLeft = 0;
        _frameLine = null;
        return true;
    }

    private static bool TakeError(ReadOnlySpan<byte> payload, int length)
    {
        if (payload.Length < Math.Min(length, LargestError))
        {
            return false;
        }

        throw new InvalidDataException(Encoding.UTF8.GetString(payload[..Math.Min(length, LargestError)]).Trim());
    }

    private void CloseOpenLines()
    {
        foreach (var line in (ReadOnlySpan<OpenLine>)[_out, _error])
        {
            if (line.IsOpen)
            {
                _batch.Add(line.Close());
            }
        }
    }
}
