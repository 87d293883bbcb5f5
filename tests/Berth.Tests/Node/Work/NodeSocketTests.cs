using Berth.Node.Work;
using Berth.Protocol.Identity;
using Xunit;

namespace Berth.Tests.Node.Work;

/// <summary>A node is spoken to over a socket in its home, and there is one process to a home.</summary>
public sealed class NodeSocketTests : IDisposable
{
    private static readonly Address Node = Address.Of([.. Enumerable.Repeat((byte)9, 32)]);
    private readonly DirectoryInfo _state = Directory.CreateTempSubdirectory("berth-home-");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _state.Delete(recursive: true);

    [Fact]
    public async Task What_is_asked_over_the_socket_is_heeded_and_answered()
    {
        var home = NodeHome.Of(_state.FullName, Node);
        using var owned = home.TryOwn();
        using var over = new CancellationTokenSource();
        var heard = new List<NodeAct>();
        using (var socket = NodeSocket.Listen(home, TimeProvider.System))
        {
            var serving = socket.ServeAsync(
                wish =>
                {
                    heard.Add(wish.Act);
                    return Status;
                },
                over.Token);

            var first = await NodeSocket.AskAsync(home, new NodeWish(NodeAct.Status), Ct);
            await NodeSocket.AskAsync(home, new NodeWish(NodeAct.Drain), Ct);
            await over.CancelAsync();
            await serving;

            Assert.Equal("cpu", first?.Market);
            Assert.Equal([NodeAct.Status, NodeAct.Drain], heard);
            Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(home.Socket) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }

        Assert.Null(await NodeSocket.AskAsync(home, new NodeWish(NodeAct.Status), Ct));
    }

    [Fact]
    public async Task A_socket_that_a_dead_process_left_is_taken_over()
    {
        var home = NodeHome.Of(_state.FullName, Node);
        using var owned = home.TryOwn();
        File.WriteAllText(home.Socket, "");
        using var over = new CancellationTokenSource();
        using var socket = NodeSocket.Listen(home, TimeProvider.System);
        var serving = socket.ServeAsync(_ => Status, over.Token);

        Assert.NotNull(await NodeSocket.AskAsync(home, new NodeWish(NodeAct.Status), Ct));

        await over.CancelAsync();
        await serving;
    }

    [Fact]
    public void A_home_belongs_to_one_process()
    {
        var home = NodeHome.Of(_state.FullName, Node);

        using (var owned = home.TryOwn())
        {
            Assert.NotNull(owned);
            Assert.Null(home.TryOwn());
        }

        using var again = home.TryOwn();
        Assert.NotNull(again);
        Assert.Equal(Node, Assert.Single(NodeHome.All(_state.FullName)).Node);
    }

    private static NodeStatus Status { get; } = new() { Node = Node, Market = "cpu", Version = "1", Process = 1, Since = DateTimeOffset.UnixEpoch };
}
