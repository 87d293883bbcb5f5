using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>Reads a stream through and fails at its end unless it had just the bytes of the content id.</summary>
internal sealed class HashedStream(Stream inner, ContentId id, long size) : ForwardStream
{
    private readonly UnixFsHasher _hasher = new();
    private long _read;
    private bool _isChecked;

    public override long Length => size;

    public override long Position
    {
        get => _read;
        set => throw new NotSupportedException();
    }

    /// <exception cref="InvalidDataException">At the end: it was another content.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        _hasher.Append(buffer.Span[..read]);
        _read += read;
        if (read == 0 && buffer.Length > 0 && !_isChecked)
        {
            _isChecked = true;
            if (_read != size || _hasher.Finish() is var found && found != id)
            {
                throw new InvalidDataException($"What was to be the content {id} of {size} bytes is another one, of {_read} bytes.");
            }
        }

        return read;
    }

    protected override void Dispose(bool disposing)
    {
        _hasher.Dispose();
        base.Dispose(disposing);
    }
}
