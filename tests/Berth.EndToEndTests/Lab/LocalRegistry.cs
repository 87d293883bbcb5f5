using System.Net;
using System.Net.Sockets;

namespace Berth.EndToEndTests.Lab;

/// <summary>A registry on the wire that pretend machines reach, open or with a password.</summary>
internal sealed class LocalRegistry : IAsyncDisposable
{
    private const string Wire = "10.219.0.1";
    private readonly string _folder;

    private LocalRegistry(string folder, string address)
    {
        _folder = folder;
        Address = address;
    }

    public string Address { get; }

    public static async Task<LocalRegistry> StartAsync(string? user = null, string? password = null)
    {
        var folder = Path.Combine(LabFolder.Path, LabFolder.NewName("r"));
        var address = $"{Wire}:{FreePort()}";
        await LabFolder.RunAsync("registry", ["up", folder, address, .. user is null ? Array.Empty<string>() : [user, password!]]);
        return new LocalRegistry(folder, address);
    }

    public Task StopAsync() => LabFolder.RunAsync("registry", ["stop", _folder]);

    public async ValueTask DisposeAsync() => await LabFolder.RunAsync("registry", ["down", _folder]);

    private static int FreePort()
    {
        using var socket = new TcpListener(IPAddress.Any, 0);
        socket.Start();
        return ((IPEndPoint)socket.LocalEndpoint).Port;
    }
}
