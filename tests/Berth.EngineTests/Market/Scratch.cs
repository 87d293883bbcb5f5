using System.Diagnostics;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Testing.Network;
using Xunit;
namespace Berth.EngineTests.Market;
public sealed class Scratch
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Measure(string kind)
    {
        await using var network = await TestNetwork.StartAsync(kind == "sqlite" ? null : await PostgresServer.NewDatabaseAsync());
        var nodes = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => network.NodeAsync()));
        var keys = Enumerable.Range(0, 16).Select(_ => SigningKey.New()).ToList();
        foreach (var key in keys) { await network.GrantAsync(key.Address, new Nos(1_000_000_000)); }
        var clients = keys.Select(key => network.Connect(key)).ToList();
        foreach (var pass in new[] { "warm", "one", "two" })
        {
            var n = pass == "warm" ? 10 : 120;
            var watch = Stopwatch.StartNew();
            await Task.WhenAll(clients.Select(async client => { for (var i = 0; i < n; i++) { await client.PostAsync(TestNetwork.APost(), CancellationToken.None); } }));
            var posts = 16 * n / watch.Elapsed.TotalSeconds;
            watch.Restart();
            var leases = new List<(TestNode, Lease)>();
            await Task.WhenAll(nodes.Select(async node => { for (var i = 0; i < n; i++) { var lease = await node.ClaimAsync(); await node.RenewAsync(lease!); await node.FinishAsync(lease!); } }));
            var cycles = 16 * n / watch.Elapsed.TotalSeconds;
            await File.AppendAllTextAsync("/tmp/faults-perf.txt", $"{kind} {pass}: {posts:0} posts/s, {cycles:0} claim+accept+finish/s\n");
        }
    }
}
