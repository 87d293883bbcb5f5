using System.Net;
using System.Net.Sockets;

namespace Berth.EndToEndTests.Lab;

/// <summary>
/// A wire to a server on this machine that can be cut as a network is: nothing is refused or closed, it only does not arrive any more, and what was under way arrives when it is joined again.
/// </summary>
internal sealed class CuttableWire : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _over = new();
    private readonly int _port;
    private readonly Task _serving;
    private volatile TaskCompletionSource _joined = new();

    public CuttableWire(Uri server)
    {
        _port = server.Port;
        _joined.SetResult();
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _serving = ServeAsync();
    }

    public Uri Address { get; }

    public void Cut() => _joined = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Join() => _joined.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        _listener.Dispose();
        await _serving;
        _over.Dispose();
    }

    private async Task ServeAsync()
    {
        var carried = new List<Task>();
        try
        {
            while (true)
            {
                carried.Add(CarryAsync(await _listener.AcceptTcpClientAsync(_over.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(carried);
        }
    }

    private async Task CarryAsync(TcpClient near)
    {
        using (near)
        using (var far = new TcpClient())
        {
            try
            {
                var here = near.GetStream();
                await _joined.Task.WaitAsync(_over.Token);
                await far.ConnectAsync(IPAddress.Loopback, _port, _over.Token);
                var there = far.GetStream();
                await Task.WhenAll(PumpAsync(here, there), PumpAsync(there, here));
            }
            catch (Exception ended) when (ended is IOException or SocketException or OperationCanceledException or InvalidOperationException)
            {
                // Either side hung up, or the test is over.
            }
        }
    }

    private async Task PumpAsync(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[64 * 1024];
        for (int read; (read = await from.ReadAsync(buffer, _over.Token)) > 0;)
        {
            await _joined.Task.WaitAsync(_over.Token);
            await to.WriteAsync(buffer.AsMemory(0, read), _over.Token);
        }

        to.Socket.Shutdown(SocketShutdown.Send);
    }
}
