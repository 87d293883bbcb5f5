using System.Security.Cryptography;
using Berth.Protocol.Identity;

namespace Berth.Protocol;

/// <summary>
/// Sends what is written to it to a market in parts: one is on its way while the next is filled, so it holds two. Parts that the market has from an earlier try are not sent
/// again; when what is written differs from then, the other part takes their place.
/// </summary>
public sealed class UploadStream : Stream
{
    private readonly UploadId _upload;
    private readonly Dictionary<int, UploadedPart> _known;
    private readonly Func<int, ReadOnlyMemory<byte>, CancellationToken, Task> _put;
    private readonly UnixFsHasher _hasher = new();
    private byte[] _part = new byte[UploadedPart.SizeOf(1)];
    private byte[] _spare = [];
    private Task _sending = Task.CompletedTask;
    private int _number = 1;
    private int _filled;
    private long _size;

    /// <summary>An upload that the market has so much of; <paramref name="put"/> sends a part, and tries again where that helps.</summary>
    public UploadStream(UploadId upload, UploadReceipt receipt, Func<int, ReadOnlyMemory<byte>, CancellationToken, Task> put)
    {
        _upload = upload;
        _put = put;
        _known = receipt.Parts.ToDictionary(part => part.Number);
    }

    /// <summary>The upload.</summary>
    public UploadId Upload => _upload;

    /// <summary>Bytes written so far.</summary>
    public long Size => _size;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _size;
        set => throw new NotSupportedException();
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _hasher.Append(buffer.Span);
        _size += buffer.Length;
        while (!buffer.IsEmpty)
        {
            var taken = Math.Min(buffer.Length, _part.Length - _filled);
            buffer[..taken].CopyTo(_part.AsMemory(_filled));
            buffer = buffer[taken..];
            _filled += taken;
            if (_filled == _part.Length)
            {
                await SendAsync(cancellationToken);
            }
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Sends what is left, and says what everything is together.</summary>
    public async Task<UploadEnding> EndAsync(CancellationToken ct)
    {
        if (_filled > 0)
        {
            await SendAsync(ct);
        }

        await _sending;
        return new UploadEnding { Parts = _number - 1, Size = _size, Content = _hasher.Finish() };
    }

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("It is written asynchronously.");

    // A part that is on its way borrows its bytes.
    public override async ValueTask DisposeAsync()
    {
        await Task.WhenAny(_sending);
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        _hasher.Dispose();
        base.Dispose(disposing);
    }

    private async Task SendAsync(CancellationToken ct)
    {
        await _sending;
        var (number, full, length) = (_number++, _part, _filled);
        var next = UploadedPart.SizeOf(_number);
        (_part, _spare, _filled) = (_spare.Length == next ? _spare : new byte[next], full, 0);
        var isThere = _known.GetValueOrDefault(number) is { } part && part.Size == length && part.Digest == Convert.ToHexStringLower(SHA256.HashData(full.AsSpan(0, length)));
        _sending = isThere ? Task.CompletedTask : _put(number, full.AsMemory(0, length), ct);
    }
}
