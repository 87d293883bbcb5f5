using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Berth.Jobs;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.EndToEndTests.Lab;

/// <summary>
/// A whole network of real processes on this machine: servers over one database, nodes on the real engine, a client who has NOS. Any of them may be killed and started again.
/// When it is put away, nothing that its runs made may be left on the engine.
/// </summary>
internal sealed class LocalNetwork : IAsyncDisposable
{
    public const string Market = "cpu";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private readonly Engine _engine;
    private readonly string _database;
    private readonly double _lease;
    private readonly IReadOnlyList<string> _serverOptions;
    private readonly Dictionary<string, RunningProgram> _running = [];
    private readonly List<RunningProgram> _past = [];
    private readonly Dictionary<string, int> _ports = [];
    private bool _mayLeaveThings;

    private LocalNetwork(Engine engine, string? database, double lease, IReadOnlyList<string> serverOptions)
    {
        _serverOptions = serverOptions;
        _engine = engine;
        _lease = lease;
        Folder = Directory.CreateTempSubdirectory("berth-net-").FullName;
        _database = database ?? Path.Combine(Folder, "market.db");
        ClientKeyFile = Path.Combine(Folder, "client.json");
        ClientKey = SigningKey.New();
        KeyFile.Write(ClientKeyFile, ClientKey, overwrite: false);
    }

    public string Folder { get; }

    public SigningKey ClientKey { get; }

    public string ClientKeyFile { get; }

    /// <summary>The client, at the first server.</summary>
    public MarketClient Client { get; private set; } = null!;

    public MarketClient Operator { get; private set; } = null!;

    public Uri Address(string server = "server1") => new($"http://127.0.0.1:{_ports[server]}");

    /// <summary>Starts servers and nodes, makes the market and fills the client's purse.</summary>
    public static async Task<LocalNetwork> StartAsync(int servers = 1, int nodes = 1, string? database = null, double lease = 30, Engine? engine = null, IReadOnlyList<string>? serverOptions = null)
    {
        var network = new LocalNetwork(engine ?? Engine.Shared, database, lease, serverOptions ?? []);
        for (var number = 1; number <= servers; number++)
        {
            await network.StartServerAsync($"server{number}");
        }

        var operatorKey = KeyFile.Read(Path.Combine(network.Folder, "operator.json")).Key!;
        network.Operator = MarketClient.Connect(network.Address(), operatorKey, TimeProvider.System);
        network.Client = MarketClient.Connect(network.Address(), network.ClientKey, TimeProvider.System);
        await network.Operator.CreateMarketAsync(new MarketDraft { Slug = Market, Price = new Nos(48) }, CancellationToken.None);
        await network.Operator.GrantAsync(network.ClientKey.Address, new Grant(new Nos(1_000_000_000)), "purse", CancellationToken.None);
        for (var number = 1; number <= nodes; number++)
        {
            network.StartNode($"node{number}", $"server{((number - 1) % servers) + 1}");
        }

        await network.UntilWaitingAsync(nodes);
        return network;
    }

    /// <summary>Starts a server, for the first time or again at the same address.</summary>
    public async Task StartServerAsync(string name)
    {
        var port = _ports.TryGetValue(name, out var before) ? before : _ports[name] = FreePort();
        Keep(name, RunningProgram.Start(
            Command(["server", "--data", Folder, "--database", _database, "--listen", $"http://127.0.0.1:{port}", "--lease", _lease.ToString(CultureInfo.InvariantCulture), "--rate", "100000", .. _serverOptions]), Limit));
        await _running[name].SaysAsync("listens at");
    }

    /// <summary>Starts a node, for the first time or again with what it left.</summary>
    public void StartNode(string name, string server = "server1") => StartNode(name, Address(server));

    /// <summary>Starts a node that reaches the server by that address.</summary>
    public void StartNode(string name, Uri server, Engine? engine = null, params string[] options)
    {
        var key = Path.Combine(Folder, $"{name}.json");
        if (!File.Exists(key))
        {
            using var made = SigningKey.New();
            KeyFile.Write(key, made, overwrite: false);
        }

        Keep(name, RunningProgram.Start(Command(["node", "start", "--market", Market, "--server", $"{server}", "--key", key, .. options], StateOf(name), engine), Limit));
    }

    public Task UntilWaitingAsync(int slots) => UntilAsync(async () => (await Client.GetMarketAsync(Market, CancellationToken.None)).SlotsWaiting == slots, $"{slots} slots to wait");

    public string StateOf(string node) => Path.Combine(Folder, $"state-{node}");

    public RunningProgram Program(string name) => _running[name];

    public Address NodeAddress(string name)
    {
        using var key = KeyFile.Read(Path.Combine(Folder, $"{name}.json")).Key!;
        return key.Address;
    }

    /// <summary>Kills a part as a machine that loses power would.</summary>
    public async Task KillAsync(string name)
    {
        _running[name].Signal(9);
        await _running[name].EndAsync();
    }

    /// <summary>Makes another node with the key of one.</summary>
    public void CopyKey(string node, string other) => File.Copy(Path.Combine(Folder, $"{node}.json"), Path.Combine(Folder, $"{other}.json"));

    /// <summary>Tells a part to end, and returns what it had to say when it has.</summary>
    public Task<Said> EndAsync(string name, int signal = 15)
    {
        _running[name].Signal(signal);
        return _running[name].EndAsync();
    }

    /// <summary>The command line as the client would type it.</summary>
    public Task<Said> BerthAsync(params string[] arguments) => RunningProgram.RunAsync(Command(arguments), Limit);

    /// <summary>The same, with something on standard input.</summary>
    public Task<Said> BerthAsync(string[] arguments, string input) => RunningProgram.RunAsync(Command(arguments), Limit, input: input);

    /// <summary>The command line as somebody else would type it, whose key is in that file of the network's folder.</summary>
    public Task<Said> BerthAsAsync(string keyFile, params string[] arguments)
    {
        var command = Command(arguments);
        command.Environment["BERTH_KEY"] = Path.Combine(Folder, keyFile);
        return RunningProgram.RunAsync(command, Limit);
    }

    public RunningProgram StartBerth(params string[] arguments)
    {
        var program = RunningProgram.Start(Command(arguments), Limit);
        _past.Add(program);
        return program;
    }

    public Task<JobView> PostAsync(Definition definition, int attempts = 2) => PostAsync(definition.ToString(), attempts);

    public Task<JobView> PostAsync(string definition, int attempts = 2) => Client.PostAsync(
        new JobPost { Job = JobId.New(), Market = Market, Definition = definition, TimeoutSeconds = 600, Attempts = attempts }, CancellationToken.None);

    /// <summary>A file of the client's; where it is.</summary>
    public string Write(string name, Definition definition)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, definition.ToString());
        return path;
    }

    /// <summary>The job posted last.</summary>
    public async Task<JobId> OnlyJobAsync() => (await Client.ListJobsAsync(new JobFilter { Limit = 1 }, CancellationToken.None)).Items[0].Job;

    /// <summary>The job once it has ended.</summary>
    public async Task<JobView> EndOfAsync(JobId job)
    {
        JobView? view = null;
        await UntilAsync(async () => (view = await Client.GetJobAsync(job, CancellationToken.None)).Facts.State is JobState.Completed or JobState.Stopped, $"job {job} to end");
        return view!;
    }

    /// <summary>The text of every line of the job's log, in order, of the attempt that counted.</summary>
    public async Task<List<string>> LogAsync(JobId job)
    {
        var lines = new List<string>();
        await foreach (var happened in Client.FollowAsync(job, 0, withLogs: true, CancellationToken.None))
        {
            if (happened is JobRequeued)
            {
                lines.Clear();
            }

            if (happened is LogWritten written)
            {
                lines.AddRange(written.Chunk.Unpack().Select(line => System.Text.Encoding.UTF8.GetString(line.Text.Span)));
            }
        }

        return lines;
    }

    /// <summary>Waits until it is so; a server that is away meanwhile is no failure.</summary>
    public async Task UntilAsync(Func<Task<bool>> isSo, string what)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(90); await Task.Delay(50))
        {
            try
            {
                if (await isSo())
                {
                    return;
                }
            }
            catch (MarketException away) when (away.IsTransient)
            {
                // It comes back.
            }
        }

        Assert.Fail($"Waited in vain for {what}.\n{Words()}");
    }

    /// <summary>The database is in order: every booking, balance, state, event and log.</summary>
    public async Task IsInOrderAsync() => (await BerthAsync("server", "check", "--data", Folder, "--database", _database)).Exited(0);

    /// <summary>The test ends while runs are going on.</summary>
    public void LeavesThings() => _mayLeaveThings = true;

    /// <summary>Waits until the job runs and some of its lines have arrived.</summary>
    public Task UntilLinesAsync(JobId job) => UntilAsync(async () => (await Client.GetJobAsync(job, CancellationToken.None)).LastEvent > 9, "lines");

    /// <summary>The run that the job has now.</summary>
    public async Task<RunId> RunOfAsync(JobId job) => (await Client.GetJobAsync(job, CancellationToken.None)).Facts.Run!.Value;

    /// <summary>What the job came to in the end, and at which attempt.</summary>
    public async Task<(JobOutcome? Outcome, int Attempt)> OutcomeAsync(JobId job)
    {
        var facts = (await EndOfAsync(job)).Facts;
        return (facts.Outcome, facts.Attempt);
    }

    /// <summary>Puts a copy in the place of the SQLite database, whose servers are dead.</summary>
    public void PutBack(string copy)
    {
        File.Delete($"{_database}-wal");
        File.Delete($"{_database}-shm");
        File.Copy(copy, _database, overwrite: true);
    }

    /// <summary>Waits until nothing of the job's latest run is left on the engine.</summary>
    public async Task UntilNothingIsLeftAsync(RunId run) => await UntilAsync(async () => (await EngineLeftovers.OfAsync(_engine, run)).Count == 0, $"nothing to be left of run {run}");

    public async ValueTask DisposeAsync()
    {
        // A job has ended before what its run made is removed.
        var left = await LeftAsync();
        for (var watch = Stopwatch.StartNew(); left.Count > 0 && !_mayLeaveThings && watch.Elapsed < TimeSpan.FromSeconds(10); left = await LeftAsync())
        {
            await Task.Delay(100);
        }

        foreach (var program in _running.Values.Concat(_past))
        {
            await program.DisposeAsync();
        }

        foreach (var run in Runs())
        {
            await EngineLeftovers.RemoveAsync(_engine, run);
        }

        ClientKey.Dispose();
        Directory.Delete(Folder, recursive: true);
        Assert.True(_mayLeaveThings || left.Count == 0, $"Left behind: {string.Join(", ", left)}.\n{Words()}");
    }

    private async Task<List<string>> LeftAsync()
    {
        var left = new List<string>();
        foreach (var run in Runs())
        {
            left.AddRange(await EngineLeftovers.OfAsync(_engine, run));
        }

        return left;
    }

    private List<RunId> Runs() =>
    [
        .. Directory.EnumerateDirectories(Folder, "state-*")
            .SelectMany(state => Directory.EnumerateDirectories(state, "runs", SearchOption.AllDirectories))
            .SelectMany(Directory.EnumerateDirectories)
            .Select(folder => RunId.TryParse(Path.GetFileName(folder), null, out var run) ? run : (RunId?)null)
            .OfType<RunId>(),
    ];

    private string Words() => string.Join("\n", _running.Select(part => $"── {part.Key}\n{part.Value.Output}{part.Value.Error}"));

    private void Keep(string name, RunningProgram program)
    {
        if (_running.Remove(name, out var before))
        {
            _past.Add(before);
        }

        _running[name] = program;
    }

    private ProcessStartInfo Command(IEnumerable<string> arguments, string? state = null, Engine? engine = null)
    {
        var start = new ProcessStartInfo(Checkout.Program, arguments) { WorkingDirectory = Folder };
        start.Environment["BERTH_STATE"] = state ?? Path.Combine(Folder, "state-client");
        start.Environment["BERTH_KEY"] = ClientKeyFile;
        start.Environment["BERTH_SERVER_PROGRAM"] = Checkout.ServerProgram;
        start.Environment["DOCKER_HOST"] = (engine ?? _engine).Address;
        if (_ports.Count > 0)
        {
            start.Environment["BERTH_SERVER"] = $"{Address()}";
        }

        return start;
    }

    /// <summary>A port of the loopback that nobody has now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
