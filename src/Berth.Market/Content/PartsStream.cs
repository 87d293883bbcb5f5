using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>Parts of an upload one after another as one stream; each is checked when its turn comes, and one is in memory at a time.</summary>
internal sealed class PartsStream(ContentStore content, IReadOnlyList<ContentId> parts) : Stream
{
    private byte[] _part = [];
    private int _next;
    private int _place;
    private long _read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _read;
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_place == _part.Length && _next < parts.Count)
        {
            _part = await content.ReadAsync(parts[_next], cancellationToken) ?? throw new InvalidDataException($"Part {_next + 1} is gone from {content.Name}; send it again.");
            (_place, _next) = (0, _next + 1);
        }

        var length = Math.Min(buffer.Length, _part.Length - _place);
        _part.AsMemory(_place, length).CopyTo(buffer);
        _place += length;
        _read += length;
        return length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("It is read asynchronously.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
