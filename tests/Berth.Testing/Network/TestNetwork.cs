using System.Text;
using Berth.Jobs;
using Berth.Market;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
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
    private readonly ServerOptions _options;
    private readonly List<WebApplication> _servers;
    private readonly List<IDisposable> _clients = [];

    private TestNetwork(DirectoryInfo folder, ServerOptions options, FakeTimeProvider time, WebApplication server, SigningKey operatorKey)
    {
        _folder = folder;
        _options = options;
        Time = time;
        _servers = [server];
        OperatorKey = operatorKey;
        ClientKey = SigningKey.New();
        Operator = Connect(operatorKey);
        Client = Connect(ClientKey);
    }

    public FakeTimeProvider Time { get; }

    public string Database => _options.DatabaseOrDefault;

    /// <summary>Where the contents are.</summary>
    public string ContentFolder => _options.ContentPlace.Place;

    public SigningKey OperatorKey { get; }

    public SigningKey ClientKey { get; }

    public MarketClient Operator { get; }

    public MarketClient Client { get; }

    /// <summary>Of the first server.</summary>
    public Uri Address => new(_servers[0].Urls.First());

    public TimeSpan LeaseLength { get; } = TimeSpan.FromSeconds(30);

    /// <summary>Starts it over a SQLite file of its own, or over the database given.</summary>
    public static async Task<TestNetwork> StartAsync(string? database = null, Action<ServerOptions>? configure = null)
    {
        var folder = Directory.CreateTempSubdirectory("berth-network-");
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var options = new ServerOptions
        {
            Data = folder.FullName,
            Listen = "http://127.0.0.1:0",
            Database = database ?? Path.Combine(folder.FullName, "market.db"),
            Rate = 100_000,
            Log = LogLevel.Warning,
        };
        configure?.Invoke(options);
        var key = SigningKey.New();
        var server = ServerHost.Build(options, key, time);
        await server.Services.PrepareMarketAsync(CancellationToken.None);
        await server.StartAsync();
        var network = new TestNetwork(folder, options, time, server, key);
        await network.Operator.CreateMarketAsync(new MarketDraft { Slug = Market, Price = Price, DefaultTimeoutSeconds = 600, LargestTimeoutSeconds = 3600 }, CancellationToken.None);
        await network.GrantAsync(network.ClientKey.Address, new Nos(1_000_000));
        return network;
    }

    /// <summary>The files that definitions, results and logs are kept in.</summary>
    public IEnumerable<string> Contents() => Directory.Exists(_options.ContentPlace.Place) ? Directory.EnumerateFiles(_options.ContentPlace.Place, "*", SearchOption.AllDirectories) : [];

    /// <summary>Starts another server over the same database and content; its address.</summary>
    public async Task<Uri> AddServerAsync()
    {
        var server = ServerHost.Build(_options, OperatorKey, Time);
        await server.StartAsync();
        _servers.Add(server);
        return new Uri(server.Urls.First());
    }

    /// <summary>A client for the server, the first unless one is named, with the key; null signs nothing. The wire may be one that loses things.</summary>
    public MarketClient Connect(SigningKey? key, Uri? server = null, HttpMessageHandler? wire = null)
    {
        var client = MarketClient.Connect(server ?? Address, key, Time, wire);
        lock (_clients)
        {
            _clients.Add(client);
        }

        return client;
    }

    /// <summary>A bare HTTP client that signs with the key, or nothing without one.</summary>
    public HttpClient Http(SigningKey? key = null)
    {
        var wire = new SocketsHttpHandler();
        var http = new HttpClient(key is null ? wire : new SigningHandler(key, Time) { InnerHandler = wire }) { BaseAddress = Address };
        lock (_clients)
        {
            _clients.Add(http);
        }

        return http;
    }

    public Task<EntryFacts> GrantAsync(Address to, Nos amount) => Operator.GrantAsync(to, new Grant(amount), Guid.NewGuid().ToString(), CancellationToken.None);

    /// <summary>A node that is registered in the market with one slot.</summary>
    public async Task<TestNode> NodeAsync(int gpus = 0, long vramMib = 24_000, string model = "NVIDIA GeForce RTX 4090", int cuda = 1208, string market = Market, Uri? server = null, HttpMessageHandler? wire = null)
    {
        var key = SigningKey.New();
        var node = new TestNode(key, Connect(key, server, wire), market);
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
        await KeepAsync();
    }

    /// <summary>Lets the keeper of a server, the first unless another is named, look at what is overdue.</summary>
    public Task KeepAsync(int server = 0) => _servers[server].Services.GetRequiredService<MarketKeeper>().KeepAsync(CancellationToken.None);

    /// <summary>Lets the keeper forget what has expired or leads nowhere.</summary>
    public Task SweepAsync() => _servers[0].Services.GetRequiredService<MarketKeeper>().SweepAsync(CancellationToken.None);

    /// <summary>Lets the keeper remove contents that nothing refers to.</summary>
    public Task<Berth.Market.Content.Collected> CollectAsync() => _servers[0].Services.GetRequiredService<MarketKeeper>().CollectAsync(CancellationToken.None);

    /// <summary>Contents that jobs refer to and that are not there.</summary>
    public Task<IReadOnlyList<string>> MissingAsync() => Berth.Market.Content.ContentCare.MissingAsync(Database, _options.ContentPlace, CancellationToken.None);

    /// <summary>Changes the database behind the market's back.</summary>
    public Task SpoilAsync(string sql) => _servers[0].Services.GetRequiredService<Database>().WriteAsync(transaction => transaction.ExecuteAsync(sql, CancellationToken.None), CancellationToken.None);

    /// <summary>What the database answers to a question of the test's.</summary>
    public Task<List<string>> AskAsync(string sql) => _servers[0].Services.GetRequiredService<Database>().ReadAsync(
        transaction => transaction.ListAsync(sql, row => string.Join(" ", Enumerable.Range(0, row.FieldCount).Select(row.GetValue)), CancellationToken.None), CancellationToken.None);

    /// <summary>Everything that is wrong with the database; empty when it is in order.</summary>
    public Task<List<string>> AuditAsync() => Audit.RunAsync(_servers[0].Services.GetRequiredService<Database>(), CancellationToken.None);

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
        foreach (var server in _servers)
        {
            await server.StopAsync(new CancellationToken(canceled: true));
            await server.DisposeAsync();
        }

        OperatorKey.Dispose();
        ClientKey.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>The text as UTF-8.</summary>
    internal static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
