using Berth.Protocol;
using Berth.Testing.Network;
using Xunit;

namespace Berth.EngineTests.Market;

/// <summary>Two servers over one PostgreSQL are one market. The clock stands still in these tests, so that nobody finds out by looking now and then.</summary>
public sealed class TwoServersTests
{
    private static readonly TimeSpan Promptly = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task What_is_reported_at_one_server_is_told_at_once_to_who_follows_at_the_other()
    {
        await using var network = await StartAsync();
        var other = await network.AddServerAsync();
        var node = await network.NodeAsync();
        var job = (await network.PostAsync()).Facts.Job;
        var follower = network.Connect(network.ClientKey, other);
        var lease = await node.StartAsync();
        await using var events = follower.FollowAsync(job, 0, withLogs: true, CancellationToken.None).GetAsyncEnumerator();
        while (events.Current is not JobStarted)
        {
            Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(Promptly));
        }

        for (var line = 1; line <= 20; line++)
        {
            await node.ReportAsync(lease, [], [TestNode.Lines("one", line, line)]);
            Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(Promptly));
            Assert.Equal(line, Assert.IsType<LogWritten>(events.Current).Chunk.First);
        }
    }

    [Fact]
    public async Task A_claim_at_one_server_is_woken_by_a_post_at_the_other()
    {
        await using var network = await StartAsync();
        var other = await network.AddServerAsync();
        var node = await network.NodeAsync(server: other);
        for (var round = 0; round < 10; round++)
        {
            var claim = node.ClaimAsync(waitSeconds: 60);
            await Until.SoAsync(async () => (await network.Client.GetMarketAsync(TestNetwork.Market, CancellationToken.None)).SlotsWaiting == 1, "the slot to wait");

            var posted = await network.PostAsync();

            var lease = await claim.WaitAsync(Promptly);
            Assert.Equal(posted.Facts.Job, lease?.Job);
            await node.RenewAsync(lease!);
            await node.FinishAsync(lease!);
        }
    }

    [Fact]
    public async Task A_node_that_renews_at_one_server_hears_of_a_stop_asked_at_the_other()
    {
        await using var network = await StartAsync();
        var other = await network.AddServerAsync();
        var node = await network.NodeAsync(server: other);
        var job = (await network.PostAsync()).Facts.Job;
        var lease = await node.StartAsync();
        var told = node.RenewAsync(lease, waitSeconds: 10, control: 0);

        await network.Client.StopAsync(job, CancellationToken.None);

        Assert.True((await told.WaitAsync(Promptly)).Stop);
    }

    [Fact]
    public async Task The_keepers_of_both_servers_at_once_end_a_lease_once()
    {
        await using var network = await StartAsync();
        await network.AddServerAsync();
        var nodes = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => network.NodeAsync()));
        foreach (var node in nodes)
        {
            await network.PostAsync();
            await node.StartAsync();
        }

        network.Time.Advance(network.LeaseLength + TimeSpan.FromSeconds(1));
        await Task.WhenAll(network.KeepAsync(0), network.KeepAsync(1));

        Assert.Equal(30, (await network.Client.GetMarketAsync(TestNetwork.Market, CancellationToken.None)).JobsWaiting);
        Assert.Empty(await network.AuditAsync());
        Assert.Equal(["30"], await network.AskAsync("select count(*) from job_events where body like '%job-requeued%'"));
    }

    [Fact]
    public async Task A_signed_request_that_passed_at_one_server_does_not_pass_at_the_other()
    {
        await using var network = await StartAsync();
        var other = await network.AddServerAsync();
        var job = (await network.PostAsync(TestNetwork.APost() with { WaitForFit = true })).Facts.Job;
        using var request = SignedOnce.Request(network, network.ClientKey, HttpMethod.Post, $"api/v1/jobs/{job}/stop");

        Assert.Equal(200, await SignedOnce.SendAsync(request, network.Address));
        Assert.Equal(401, await SignedOnce.SendAsync(request, other));
    }

    private static async Task<TestNetwork> StartAsync() => await TestNetwork.StartAsync(await PostgresServer.NewDatabaseAsync());
}
