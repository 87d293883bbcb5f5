using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>Parts of an upload one after another as one stream; each is checked when its turn comes, and one is in memory at a time.</summary>
internal sealed class PartsStream(ContentStore content, IReadOnlyList<ContentId> parts) : ForwardStream
{
    private byte[] _part = [];
    private int _next;
    private int _place;
    private long _read;

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
}
