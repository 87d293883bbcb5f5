using System.Net.Sockets;
using System.Text.Json;

namespace Berth.Node.Work;

/// <summary>Where a node is spoken to on its own machine, by its owner only: a unix socket, one JSON line there and one back.</summary>
public sealed class NodeSocket : IDisposable
{
    private const int LongestLine = 4096;

    // What the kernel takes as the name of a socket.
    private const int LongestPath = 107;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly Socket _listening;
    private readonly string _path;
    private readonly TimeProvider _time;

    private NodeSocket(Socket listening, string path, TimeProvider time) => (_listening, _path, _time) = (listening, path, time);

    /// <summary>Begins to listen in the home, which must be owned: what a dead process left there is removed.</summary>
    /// <exception cref="IOException">It cannot be made there.</exception>
    public static NodeSocket Listen(NodeHome home, TimeProvider time)
    {
        if (home.Socket.Length > LongestPath)
        {
            throw new IOException($"The path {home.Socket} is too long for a socket; name a shorter state directory with BERTH_STATE.");
        }

        File.Delete(home.Socket);
        var listening = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listening.Bind(new UnixDomainSocketEndPoint(home.Socket));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(home.Socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        listening.Listen(8);
        return new NodeSocket(listening, home.Socket, time);
    }

    /// <summary>Heeds what is asked, one after the other, until it is over.</summary>
    public async Task ServeAsync(Func<NodeWish, NodeStatus> heed, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            try
            {
                using var asking = await _listening.AcceptAsync(over);
                await AnswerAsync(asking, heed, over);
            }
            catch (Exception gone) when (gone is SocketException or IOException or OperationCanceledException)
            {
                // Who asked went away, or says nothing.
            }
        }
    }

    /// <summary>Asks the node of the home; null when none works there.</summary>
    public static async Task<NodeStatus?> AskAsync(NodeHome home, NodeWish wish, CancellationToken ct)
    {
        using var asking = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await asking.ConnectAsync(new UnixDomainSocketEndPoint(home.Socket), ct);
            await using var stream = new NetworkStream(asking);
            await stream.WriteAsync((byte[])[.. JsonSerializer.SerializeToUtf8Bytes(wish, NodeJson.Default.NodeWish), (byte)'\n'], ct);
            using var reader = new StreamReader(stream);
            return await reader.ReadLineAsync(ct) is { } line ? JsonSerializer.Deserialize(line, NodeJson.Default.NodeStatus) : null;
        }
        catch (Exception nobody) when (nobody is SocketException or IOException or JsonException or ArgumentOutOfRangeException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _listening.Dispose();
        File.Delete(_path);
    }

    private async Task AnswerAsync(Socket asking, Func<NodeWish, NodeStatus> heed, CancellationToken over)
    {
        using var late = new CancellationTokenSource(Patience, _time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(late.Token, over);
        await using var stream = new NetworkStream(asking);
        var line = new byte[LongestLine];
        var length = 0;
        for (int read; length < line.Length && !line.AsSpan(0, length).Contains((byte)'\n') && (read = await stream.ReadAsync(line.AsMemory(length), limit.Token)) > 0;)
        {
            length += read;
        }

        if (Wish(line.AsSpan(0, length)) is { } wish)
        {
            await stream.WriteAsync((byte[])[.. JsonSerializer.SerializeToUtf8Bytes(heed(wish), NodeJson.Default.NodeStatus), (byte)'\n'], limit.Token);
        }
    }

    private static NodeWish? Wish(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, NodeJson.Default.NodeWish);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
