using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace Berth.Containers.Docker;

/// <summary>
/// A socket read by a thread of its own. Engines write each line of log on its own, and waking the thread pool for each costs more than all the rest
/// of reading it; a thread that waits in the kernel wakes cheaply, and while lines come fast it lets a moment's worth of them gather.
/// A slow reader fills the pipe, then the thread waits, then the engine does.
/// </summary>
internal sealed class PumpedStream : Stream
{
    private const int PieceLength = 64 * 1024;
    private const int PipeLength = 512 * 1024;
    private const int BusyAfter = 16;

    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(5);

    private readonly Socket _socket;
    private readonly Pipe _pipe = new(new PipeOptions(
        readerScheduler: PipeScheduler.ThreadPool,
        writerScheduler: PipeScheduler.Inline,
        pauseWriterThreshold: PipeLength,
        resumeWriterThreshold: PipeLength / 2,
        minimumSegmentSize: PieceLength,
        useSynchronizationContext: false));
    private readonly Stream _received;
    private int _quick;
    private long _last;

    public PumpedStream(Socket socket)
    {
        _socket = socket;
        _received = _pipe.Reader.AsStream();
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

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _received.ReadAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        _received.ReadAsync(buffer, offset, count, cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => _received.Read(buffer, offset, count);

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
            // The reader's end stays open: taking the buffers away is the pump's to do, which may be filling one.
            _socket.Dispose();
            _pipe.Writer.CancelPendingFlush();
        }

        base.Dispose(disposing);
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
            while (Gather() && Hand())
            {
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            broken = new IOException("The engine's socket broke.", fault);
        }

        _pipe.Writer.Complete(broken);
    }

    /// <summary>Takes what is there, and when it came fast what comes in the next moments; false at the end.</summary>
    private bool Gather()
    {
        var gathered = 0;
        do
        {
            var received = _socket.Receive(_pipe.Writer.GetMemory(PieceLength).Span);
            if (received == 0)
            {
                return false;
            }

            _pipe.Writer.Advance(received);
            gathered += received;
            _quick = Stopwatch.GetElapsedTime(_last) < Quick ? _quick + 1 : 0;
            if (_quick > BusyAfter && gathered < PieceLength)
            {
                _socket.Poll(Moment, SelectMode.SelectError);
            }

            _last = Stopwatch.GetTimestamp();
        }
        while (_quick > BusyAfter && gathered < PieceLength && _socket.Available > 0);
        return true;
    }

    /// <summary>Gives the reader what was gathered, waiting while it is slow; false when it is gone.</summary>
    private bool Hand()
    {
        var handing = _pipe.Writer.FlushAsync();
        return !(handing.IsCompleted ? handing.Result : handing.AsTask().GetAwaiter().GetResult()).IsCanceled;
    }
}
