using System.Net;
using System.Net.Sockets;
using Berth.Market.Content;
using Berth.Market.Storage;
using Berth.Testing.Content;
using Xunit;

namespace Berth.EngineTests.Market;

/// <summary>An IPFS node made of the reference libraries: its content ids are computed by them.</summary>
public sealed class IpfsContentTests : ContentStoreTests, IAsyncDisposable
{
    private readonly string _folder = Lab.Folder($"ipfs-{Guid.NewGuid():N}"[..16]);

    protected override async Task<ContentPlace> PlaceAsync()
    {
        var facts = await Lab.RunAsync("lab/ipfs", ["up", _folder, $"127.0.0.1:{FreePort()}"]);
        return new ContentPlace { Place = $"ipfs+http://{facts["address"]}" };
    }

    [Fact]
    public async Task A_node_that_is_away_is_said()
    {
        var away = await Assert.ThrowsAsync<StorageException>(() => ContentStores.ProbeAsync(new ContentPlace { Place = "ipfs+http://127.0.0.1:1" }));

        Assert.Contains("cannot do it now", away.Message, StringComparison.Ordinal);
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        await Lab.RunAsync("lab/ipfs", ["down", _folder]);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
