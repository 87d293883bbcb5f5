using System.Text;
using Berth.Market.Content;
using Berth.Market.Storage;
using Berth.Testing.Content;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Berth.Tests.Market.Content;

public sealed class FolderContentTests : ContentStoreTests, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("berth-content-");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    protected override Task<ContentPlace> PlaceAsync() => Task.FromResult(new ContentPlace { Place = _folder.FullName });

    [Fact]
    public async Task A_file_that_was_changed_on_the_disk_is_found_out_and_put_anew()
    {
        var store = new FolderContent(_folder.FullName, TimeProvider.System);
        var bytes = "forty-two"u8.ToArray();
        var id = await store.PutAsync(bytes, Ct);
        var file = Directory.EnumerateFiles(_folder.FullName, id.Value, SearchOption.AllDirectories).Single();

        await File.WriteAllTextAsync(file, "forty-twu", Ct);
        var damaged = await Assert.ThrowsAsync<InvalidDataException>(() => store.ReadAsync(id, Ct));
        await File.WriteAllTextAsync(file, "forty", Ct);
        await store.PutAsync(bytes, Ct);

        Assert.Contains("damaged", damaged.Message, StringComparison.Ordinal);
        Assert.Equal(bytes, await store.ReadAsync(id, Ct));
    }

    [Fact]
    public async Task What_is_put_again_is_young_again_and_what_was_half_written_is_tidied_up()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var store = new FolderContent(_folder.FullName, time);
        var id = await store.PutAsync("one"u8.ToArray(), Ct);
        var part = Path.Combine(_folder.FullName, "left.part");
        await File.WriteAllTextAsync(part, "half", Ct);

        time.Advance(TimeSpan.FromDays(2));
        await store.PutAsync("one"u8.ToArray(), Ct);
        await store.TidyAsync(time.GetUtcNow() - TimeSpan.FromDays(1), Ct);

        Assert.False(await store.RemoveAsync(id, time.GetUtcNow() - TimeSpan.FromDays(1), Ct));
        Assert.NotNull(await store.ReadAsync(id, Ct));
        Assert.False(File.Exists(part));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_said()
    {
        var file = Path.Combine(_folder.FullName, "file");
        await File.WriteAllTextAsync(file, "", Ct);

        var away = await Assert.ThrowsAsync<StorageException>(() => new FolderContent(file, TimeProvider.System).PutAsync(Encoding.UTF8.GetBytes("x"), Ct));

        Assert.Contains($"The content folder {file} cannot be written", away.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s3://", "names no bucket")]
    [InlineData("s4://bucket", "is no content store")]
    [InlineData("ipfs+http:/where", "is no address of an IPFS node")]
    public void A_place_that_cannot_be_is_said(string place, string why) => Assert.Contains(why, new ContentPlace { Place = place }.Fault, StringComparison.Ordinal);
}
