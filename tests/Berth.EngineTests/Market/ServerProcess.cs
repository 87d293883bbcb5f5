using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Testing.Network;
using Xunit;

namespace Berth.EngineTests.Market;

/// <summary>The real program of the server, to be killed and started again at the same place, with an operator, a client who has NOS, and a market.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly string[] _arguments;
    private readonly ConcurrentQueue<string> _said = new();
    private Process? _process;

    private ServerProcess(string data, string database, int port, string[] more)
    {
        Data = data;
        Address = new Uri($"http://127.0.0.1:{port}");
        _arguments = ["--data", data, "--database", database, "--listen", $"{Address}", "--rate", "100000", .. more];
    }

    public string Data { get; }

    public Uri Address { get; }

    private static string Program { get; } = Path.Combine(
        Lab.Root, "artifacts", "bin", "Berth.Server", typeof(ServerProcess).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration.ToLowerInvariant(), "berth-server");

    public static async Task<ServerProcess> StartAsync(string data, string database, params string[] more)
    {
        var server = new ServerProcess(data, database, PostgresServer.FreePort(), more);
        await server.StartAsync();
        return server;
    }

    /// <summary>Runs the program to its end: its exit code, and all it said.</summary>
    public static async Task<(int Code, string Said)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(Until.Patience);
        return (process.ExitCode, await output + await error);
    }

    /// <summary>Starts it and waits until it serves.</summary>
    public async Task StartAsync()
    {
        _process = Process.Start(new ProcessStartInfo(Program, _arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _process.OutputDataReceived += (_, line) => _said.Enqueue(line.Data ?? "");
        _process.ErrorDataReceived += (_, line) => _said.Enqueue(line.Data ?? "");
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await Until.SoAsync(
            async () =>
            {
                Assert.False(_process.HasExited, $"The server ended with {(_process.HasExited ? _process.ExitCode : 0)}:\n{string.Join('\n', _said)}");
                return await HealthAsync("live") == 200;
            },
            "the server to listen");
    }

    /// <summary>SIGKILL: nothing is flushed, closed or said.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>What <c>/healthz/live</c> or <c>/healthz/ready</c> answers; 0 when nobody does.</summary>
    public async Task<int> HealthAsync(string what)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(20) };
        try
        {
            using var answer = await http.GetAsync(new Uri(Address, $"healthz/{what}"));
            return (int)answer.StatusCode;
        }
        catch (Exception away) when (away is HttpRequestException or TaskCanceledException)
        {
            return 0;
        }
    }

    public MarketClient Connect(SigningKey? key) => MarketClient.Connect(Address, key, TimeProvider.System);

    /// <summary>Makes a market and gives a client NOS; the client.</summary>
    public async Task<SigningKey> FoundAsync()
    {
        using var key = KeyFile.Read(Path.Combine(Data, "operator.json")).Key!;
        using var keeper = Connect(key);
        await keeper.CreateMarketAsync(new MarketDraft { Slug = TestNetwork.Market, Price = TestNetwork.Price, DefaultTimeoutSeconds = 600, LargestTimeoutSeconds = 3600 }, CancellationToken.None);
        var client = SigningKey.New();
        await keeper.GrantAsync(client.Address, new Grant(new Nos(1_000_000_000)), "first", CancellationToken.None);
        return client;
    }

    public async Task<TestNode> NodeAsync()
    {
        var key = SigningKey.New();
        var node = new TestNode(key, Connect(key), TestNetwork.Market);
        await node.RegisterAsync(TestNode.Having(TestNetwork.Market, 0, 0, "", 0));
        return node;
    }

    /// <summary>What <c>check</c> says of its database.</summary>
    public Task<(int Code, string Said)> CheckAsync() => RunAsync(["check", .. _arguments[..4]]);

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            await KillAsync();
        }

        _process?.Dispose();
    }
}
