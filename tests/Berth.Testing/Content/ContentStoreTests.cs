using System.Security.Cryptography;
using Berth.Market.Content;
using Berth.Protocol.Identity;
using Xunit;

namespace Berth.Testing.Content;

/// <summary>What every content store must give: a folder, an S3 service, an IPFS node. Run once for each, the real thing.</summary>
public abstract class ContentStoreTests : IAsyncLifetime
{
    private ContentStore _store = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>A store of this kind with nothing in it.</summary>
    protected abstract Task<ContentPlace> PlaceAsync();

    public async ValueTask InitializeAsync() => _store = (await PlaceAsync()).Open(TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(262_144)]
    [InlineData(262_145)]
    [InlineData(3_000_000)]
    public async Task What_was_put_is_read_under_the_id_that_it_has_everywhere(int size)
    {
        var bytes = RandomNumberGenerator.GetBytes(size);

        var id = await _store.PutAsync(bytes, Ct);
        var again = await _store.PutAsync(bytes, Ct);

        Assert.Equal((UnixFsHasher.IdOf(bytes), id), (id, again));
        Assert.Equal(bytes, await _store.ReadAsync(id, Ct));
        Assert.Equal(size, (await _store.FindAsync(id, Ct))?.Size);
    }

    [Fact]
    public async Task A_large_content_goes_in_as_a_stream_and_is_read_from_any_byte_on()
    {
        var bytes = RandomNumberGenerator.GetBytes(40_000_003);
        var id = UnixFsHasher.IdOf(bytes);

        await _store.PutAsync(id, new MemoryStream(bytes), bytes.Length, Ct);

        Assert.Equal(bytes, await _store.ReadAsync(id, Ct));
        foreach (var offset in new[] { 1, 262_144, 20_000_000, 40_000_002 })
        {
            await using var from = (await _store.OpenAsync(id, offset, Ct))!;
            using var rest = new MemoryStream();
            await from.CopyToAsync(rest, Ct);
            Assert.True(bytes.AsSpan(offset).SequenceEqual(rest.ToArray()), $"From byte {offset} on it is something else.");
        }

        Assert.Equal(bytes[1000..1500], await _store.ReadAsync(id, 1000, 500, Ct));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(20_000_000)]
    public async Task What_is_not_the_content_it_should_be_is_not_kept(int size)
    {
        var bytes = RandomNumberGenerator.GetBytes(size);
        var (id, other) = (UnixFsHasher.IdOf(bytes), bytes[..^1]);

        await Assert.ThrowsAsync<InvalidDataException>(() => _store.PutAsync(id, new MemoryStream([.. other, (byte)(bytes[^1] + 1)]), size, Ct));
        await Assert.ThrowsAsync<InvalidDataException>(() => _store.PutAsync(id, new MemoryStream(other), size, Ct));

        Assert.Null(await _store.ReadAsync(id, Ct));
        Assert.Null(await _store.FindAsync(id, Ct));
    }

    [Fact]
    public async Task What_was_never_put_is_not_there()
    {
        var id = UnixFsHasher.IdOf(RandomNumberGenerator.GetBytes(10));

        Assert.Null(await _store.ReadAsync(id, Ct));
        Assert.Null(await _store.OpenAsync(id, 5, Ct));
        Assert.Null(await _store.FindAsync(id, Ct));
        Assert.True(await _store.RemoveAsync(id, DateTimeOffset.MaxValue, Ct));
    }

    [Fact]
    public async Task A_content_is_removed_only_when_it_was_put_before_a_time()
    {
        var (old, kept) = (await _store.PutAsync(RandomNumberGenerator.GetBytes(100), Ct), await _store.PutAsync(RandomNumberGenerator.GetBytes(100), Ct));
        var putAt = (await _store.FindAsync(old, Ct))!.Value.PutAt;

        Assert.False(await _store.RemoveAsync(kept, putAt - TimeSpan.FromMinutes(1), Ct));
        Assert.True(await _store.RemoveAsync(old, putAt + TimeSpan.FromMinutes(1), Ct));

        Assert.Null(await _store.ReadAsync(old, Ct));
        Assert.NotNull(await _store.ReadAsync(kept, Ct));
        var listed = new List<ContentId>();
        await foreach (var content in _store.ListAsync(Ct))
        {
            listed.Add(content.Id);
        }

        Assert.Contains(kept, listed);
        Assert.DoesNotContain(old, listed);
        Assert.InRange(putAt, DateTimeOffset.UtcNow - TimeSpan.FromMinutes(5), DateTimeOffset.UtcNow + TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Many_may_put_the_same_at_once()
    {
        var bytes = RandomNumberGenerator.GetBytes(500_000);

        var ids = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _store.PutAsync(bytes, Ct)));

        Assert.All(ids, id => Assert.Equal(ids[0], id));
        Assert.Equal(bytes, await _store.ReadAsync(ids[0], Ct));
        await _store.ProbeAsync(Ct);
        await _store.TidyAsync(DateTimeOffset.UtcNow - TimeSpan.FromHours(1), Ct);
        Assert.Equal(bytes, await _store.ReadAsync(ids[0], Ct));
    }
}
