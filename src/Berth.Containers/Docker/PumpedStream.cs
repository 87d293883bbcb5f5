using System.Buffers;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Berth.Containers.Docker;

/// <summary>
/// A socket read by a thread of its own. Engines write each line of log on its own, and waking the thread pool for each costs more than all the rest
/// of reading it; a thread that waits in the kernel wakes cheaply, and while lines come fast it lets a moment's worth of them gather.
/// A slow reader makes the thread wait, and that the engine.
/// </summary>
internal sealed class PumpedStream : Stream
{
    private const int PieceLength = 64 * 1024;
    private const int PiecesAhead = 8;
    private const int BusyAfter = 16;

    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(5);

    private readonly Socket _socket;
    private readonly ManualResetEvent _isClosed = new(false);
    private readonly Channel<ArraySegment<byte>> _pieces = Channel.CreateBounded<ArraySegment<byte>>(
        new BoundedChannelOptions(PiecesAhead) { SingleReader = true, SingleWriter = true });
    private ArraySegment<byte> _piece;
    private int _quick;
    private long _last;

    public PumpedStream(Socket socket)
    {
        _socket = socket;
        new Thread(Pump) { IsBackground = true, Name = "container log" }.Start();
    }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _piece.Count > 0 || buffer.IsEmpty || NextPiece() ? new(Take(buffer.Span)) : WaitAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Send(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        Send(buffer.AsSpan(offset, count));
        return Task.CompletedTask;
    }

    public override void Write(byte[] buffer, int offset, int count) => Send(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _pieces.Writer.TryComplete();
            _isClosed.Set();
            _socket.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> WaitAsync(Memory<byte> buffer, CancellationToken ct)
    {
        while (await _pieces.Reader.WaitToReadAsync(ct))
        {
            if (NextPiece())
            {
                return Take(buffer.Span);
            }
        }

        return 0;
    }

    private bool NextPiece()
    {
        if (!_pieces.Reader.TryRead(out var piece))
        {
            return false;
        }

        GiveBack(_piece);
        _piece = piece;
        return true;
    }

    private int Take(Span<byte> buffer)
    {
        var taken = Math.Min(buffer.Length, _piece.Count);
        _piece.AsSpan(0, taken).CopyTo(buffer);
        _piece = _piece[taken..];
        return taken;
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    private void Pump()
    {
        Exception? broken = null;
        try
        {
            while (Gather() is { Count: > 0 } piece && Hand(piece))
            {
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            broken = new IOException("The engine's socket broke.", fault);
        }

        _pieces.Writer.TryComplete(broken);
    }

    /// <summary>Takes what is there, and when it came fast what comes in the next moments; nothing at the end.</summary>
    private ArraySegment<byte> Gather()
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceLength);
        var length = 0;
        do
        {
            var received = _socket.Receive(piece.AsSpan(length));
            if (received == 0)
            {
                break;
            }

            length += received;
            _quick = Stopwatch.GetElapsedTime(_last) < Quick ? _quick + 1 : 0;
            if (_quick > BusyAfter && length < piece.Length)
            {
                // Not by asking the kernel to wait for the socket: it would look up for every line.
                _isClosed.WaitOne(Moment);
            }

            _last = Stopwatch.GetTimestamp();
        }
        while (_quick > BusyAfter && length < piece.Length && _socket.Available > 0);
        return new(piece, 0, length);
    }

    /// <summary>Gives the reader a piece, waiting while it is slow; false when it is gone.</summary>
    private bool Hand(ArraySegment<byte> piece)
    {
        while (!_pieces.Writer.TryWrite(piece))
        {
            if (!_pieces.Writer.WaitToWriteAsync().AsTask().GetAwaiter().GetResult())
            {
                GiveBack(piece);
                return false;
            }
        }

        return true;
    }

    private static void GiveBack(ArraySegment<byte> piece)
    {
        if (piece.Array is { Length: > 0 } buffer)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
