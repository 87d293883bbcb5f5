using Berth.Market.Storage;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>A content that a store has: its bytes, and when it was last put there.</summary>
internal readonly record struct StoredContent(ContentId Id, long Size, DateTimeOffset PutAt);

/// <summary>
/// Where definitions, results, logs and artefacts rest, each under its content id: a folder, an S3 bucket or an IPFS node. What was put is whole and lasts once the call returns, and putting
/// it again only makes it young again. What is read whole is checked. A store that is away or full is a <see cref="StorageException"/>.
/// </summary>
internal abstract class ContentStore : IAsyncDisposable
{
    /// <summary>The store as people know it.</summary>
    public abstract string Name { get; }

    /// <summary>Stores so many bytes of the stream, which must be those of the content id.</summary>
    /// <exception cref="InvalidDataException">They are others; nothing is stored.</exception>
    public abstract Task PutAsync(ContentId id, Stream bytes, long size, CancellationToken ct);

    /// <summary>The content from the byte on, read as it comes and not checked; null when it is not there.</summary>
    public abstract Task<Stream?> OpenAsync(ContentId id, long offset, CancellationToken ct);

    /// <summary>Its bytes and when it was last put; null when it is not there.</summary>
    public abstract Task<StoredContent?> FindAsync(ContentId id, CancellationToken ct);

    /// <summary>Everything there is, in any order.</summary>
    public abstract IAsyncEnumerable<StoredContent> ListAsync(CancellationToken ct);

    /// <summary>Removes the content unless it was put after that time; false when it stays.</summary>
    public abstract Task<bool> RemoveAsync(ContentId id, DateTimeOffset putBefore, CancellationToken ct);

    /// <summary>Removes what was begun to be put before that time and never became a content.</summary>
    public virtual Task TidyAsync(DateTimeOffset begunBefore, CancellationToken ct) => Task.CompletedTask;

    /// <summary>Finds out whether the store takes what is usually stored.</summary>
    /// <exception cref="StorageException">It does not.</exception>
    public abstract Task ProbeAsync(CancellationToken ct);

    /// <summary>Stores the bytes and says their content id; the same bytes are stored once.</summary>
    public async Task<ContentId> PutAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        var id = UnixFsHasher.IdOf(bytes.Span);
        await PutAsync(id, new MemoryStream(bytes.ToArray(), writable: false), bytes.Length, ct);
        return id;
    }

    /// <summary>All the bytes, checked against the id; null when they are not there.</summary>
    /// <exception cref="InvalidDataException">What is there is something else.</exception>
    public async Task<byte[]?> ReadAsync(ContentId id, CancellationToken ct)
    {
        if (await OpenAsync(id, 0, ct) is not { } stream)
        {
            return null;
        }

        await using (stream)
        {
            using var bytes = new MemoryStream();
            await ReadingAsync(() => stream.CopyToAsync(bytes, ct));
            return UnixFsHasher.IdOf(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)) == id
                ? bytes.ToArray()
                : throw new InvalidDataException($"The content {id} is damaged in {Name}.");
        }
    }

    /// <summary>A part of the content; the parts carry their own checks.</summary>
    public async Task<byte[]> ReadAsync(ContentId id, long offset, int length, CancellationToken ct)
    {
        await using var stream = await OpenAsync(id, offset, ct) ?? throw new InvalidDataException($"The content {id} is gone from {Name}.");
        var bytes = new byte[length];
        var read = 0;
        await ReadingAsync(async () => read = await stream.ReadAtLeastAsync(bytes, length, throwOnEndOfStream: false, ct));
        return read == length ? bytes : throw new InvalidDataException($"The content {id} is shorter than {offset + length} bytes.");
    }

    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task ReadingAsync(Func<Task> read)
    {
        try
        {
            await read();
        }
        catch (Exception away) when (away is IOException or HttpRequestException)
        {
            throw new StorageException($"{Name} broke off while a content was read ({away.Message}). Try again.", away);
        }
    }
}
