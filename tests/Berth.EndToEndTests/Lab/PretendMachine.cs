namespace Berth.EndToEndTests.Lab;

/// <summary>A pretend machine: an engine of its own that a test may kill, freeze and fill.</summary>
internal sealed class PretendMachine : IAsyncDisposable
{
    private PretendMachine(string name, string engine, string address)
    {
        Name = name;
        Engine = new Engine(engine);
        Address = address;
    }

    public string Name { get; }

    public Engine Engine { get; }

    /// <summary>On the wire between the pretend machines and this one.</summary>
    public string Address { get; }

    public static Task<PretendMachine> StartAsync(bool liveRestore = false, string? settings = null, string? enginePath = null)
    {
        var environment = new Dictionary<string, string> { ["LIVE_RESTORE"] = liveRestore ? "true" : "false" };
        if (settings is not null)
        {
            environment["DAEMON_JSON"] = settings;
        }

        if (enginePath is not null)
        {
            environment["ENGINE_PATH"] = enginePath;
        }

        return UpAsync("host", LabFolder.NewName("m"), [], environment);
    }

    /// <summary>One whose engine has all its data on a disk of that size.</summary>
    public static Task<PretendMachine> StartSmallAsync(string size) => UpAsync("small-disk", LabFolder.NewName("s"), [size], new Dictionary<string, string>());

    public Task KillEngineAsync() => LabFolder.RunAsync("host", ["kill", Name]);

    public Task StartEngineAgainAsync() => LabFolder.RunAsync("host", ["up", Name]);

    public Task FreezeEngineAsync() => LabFolder.RunAsync("host", ["stall", Name]);

    public Task ThawEngineAsync() => LabFolder.RunAsync("host", ["resume", Name]);

    public async ValueTask DisposeAsync()
    {
        Engine.Dispose();
        await LabFolder.RunAsync("host", ["down", Name]);
    }

    private static async Task<PretendMachine> UpAsync(string script, string name, string[] arguments, Dictionary<string, string> environment)
    {
        var made = await LabFolder.RunAsync(script, ["up", name, .. arguments], environment);
        var machine = new PretendMachine(name, made["engine"], made["address"]);
        await machine.Engine.LoadAsync(Engine.Shared, Definition.Busybox);
        return machine;
    }
}
