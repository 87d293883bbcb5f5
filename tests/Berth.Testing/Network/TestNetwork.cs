using System.Text;
using Berth.Jobs;
using Berth.Market;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Berth.Testing.Network;

/// <summary>
/// The real server in this process on a loopback port, its clock in the test's hands, with an operator, a client who has NOS, and a market. What it keeps goes with it.
/// </summary>
public sealed class TestNetwork : IAsyncDisposable
{
    /// <summary>The market there is from the start.</summary>
    public const string Market = "cpu";

    /// <summary>What the market costs a second.</summary>
    public static readonly Nos Price = new(7);

    private readonly DirectoryInfo _folder;
    private readonly WebApplication _server;
    private readonly List<IDisposable> _clients = [];

    private TestNetwork(DirectoryInfo folder, string database, FakeTimeProvider time, WebApplication server, SigningKey operatorKey)
    {
        _folder = folder;
        Database = database;
        Time = time;
        _server = server;
        OperatorKey = operatorKey;
        ClientKey = SigningKey.New();
        Operator = Connect(operatorKey);
        Client = Connect(ClientKey);
    }

    public FakeTimeProvider Time { get; }

    public string Database { get; }

    public SigningKey OperatorKey { get; }

    public SigningKey ClientKey { get; }

    public MarketClient Operator { get; }

    public MarketClient Client { get; }

    public Uri Address => new(_server.Urls.First());

    public TimeSpan LeaseLength { get; } = TimeSpan.FromSeconds(30);

    /// <summary>Starts it over a SQLite file of its own, or over the database given.</summary>
    public static async Task<TestNetwork> StartAsync(string? database = null, Action<ServerOptions>? configure = null)
    {
        var folder = Directory.CreateTempSubdirectory("berth-network-");
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var options = new ServerOptions
        {
            Data = folder.FullName, Listen = "http://127.0.0.1:0", Database = database ?? Path.Combine(folder.FullName, "market.db"), Rate = 100_000,
        };
        configure?.Invoke(options);
        var key = SigningKey.New();
        var server = ServerHost.Build(options, key.Address, time);
        await server.Services.PrepareMarketAsync(CancellationToken.None);
        await server.StartAsync();
        var network = new TestNetwork(folder, options.Database, time, server, key);
        await network.Operator.CreateMarketAsync(new MarketDraft { Slug = Market, Price = Price, DefaultTimeoutSeconds = 600, LargestTimeoutSeconds = 3600 }, CancellationToken.None);
        await network.GrantAsync(network.ClientKey.Address, new Nos(1_000_000));
        return network;
    }

    /// <summary>A client for the server with the key; null signs nothing.</summary>
    public MarketClient Connect(SigningKey? key)
    {
        var client = MarketClient.Connect(Address, key, Time);
        _clients.Add(client);
        return client;
    }

    public Task<EntryFacts> GrantAsync(Address to, Nos amount) => Operator.GrantAsync(to, new Grant(amount), Guid.NewGuid().ToString(), CancellationToken.None);

    /// <summary>A node that is registered in the market with one slot.</summary>
    public async Task<TestNode> NodeAsync(int gpus = 0, long vramMib = 24_000, string model = "NVIDIA GeForce RTX 4090", int cuda = 1208, string market = Market)
    {
        var key = SigningKey.New();
        var node = new TestNode(key, Connect(key), market);
        await node.RegisterAsync(TestNode.Having(market, gpus, vramMib, model, cuda));
        return node;
    }

    /// <summary>A post of a job that is valid and does nothing.</summary>
    public static JobPost APost(string? definition = null) => new()
    {
        Job = JobId.New(),
        Market = Market,
        Definition = definition ?? """{"version":"0.1","type":"container","ops":[{"type":"container/run","id":"one","args":{"image":"busybox","cmd":["true"]}}]}""",
    };

    public Task<JobView> PostAsync(JobPost? post = null) => Client.PostAsync(post ?? APost(), CancellationToken.None);

    /// <summary>Turns the clock, and lets the keeper look at what is overdue then.</summary>
    public async Task PassAsync(TimeSpan span)
    {
        Time.Advance(span);
        await _server.Services.GetRequiredService<MarketKeeper>().KeepAsync(CancellationToken.None);
    }

    /// <summary>Everything that is wrong with the database; empty when it is in order.</summary>
    public Task<List<string>> AuditAsync() => Audit.RunAsync(_server.Services.GetRequiredService<Database>(), CancellationToken.None);

    public async Task<Nos> BalanceAsync(Address of) => (await Operator.GetAccountAsync(of, CancellationToken.None)).Balance;

    /// <summary>The job's events so far, logs included.</summary>
    public async Task<List<JobEvent>> EventsAsync(JobId job, long upTo, long after = 0)
    {
        var events = new List<JobEvent>();
        await foreach (var happened in Client.FollowAsync(job, after, withLogs: true, CancellationToken.None))
        {
            events.Add(happened);
            if (happened.Sequence >= upTo)
            {
                break;
            }
        }

        return events;
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(client => client.Dispose());
        await _server.StopAsync(new CancellationToken(canceled: true));
        await _server.DisposeAsync();
        OperatorKey.Dispose();
        ClientKey.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>The text as UTF-8.</summary>
    internal static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
