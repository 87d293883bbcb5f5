using System.Diagnostics;
using System.Text.Json;
using Berth.Jobs;

namespace Berth.EndToEndTests.Lab;

/// <summary>
/// Where one test works as a person would: a folder to be in, a state and a key of Berth's own, and the real command line. When it is put away,
/// nothing that its runs made may be left on the engine.
/// </summary>
internal sealed class Desk : IAsyncDisposable
{
    private readonly Engine _engine;
    private readonly Dictionary<string, string> _environment;
    private readonly List<RunningProgram> _started = [];
    private Said? _last;

    public Desk(Engine? engine = null, string? path = null, string? state = null, Dictionary<string, string>? environment = null)
    {
        _engine = engine ?? Engine.Shared;
        Folder = Directory.CreateTempSubdirectory("berth-e2e-").FullName;
        State = state ?? Path.Combine(Folder, "state");
        _environment = new Dictionary<string, string> { ["BERTH_STATE"] = State, ["BERTH_KEY"] = Path.Combine(Folder, "key.json"), ["DOCKER_HOST"] = _engine.Address };
        foreach (var (name, value) in environment ?? [])
        {
            _environment[name] = value;
        }

        if (path is not null)
        {
            _environment["PATH"] = $"{path}:{Environment.GetEnvironmentVariable("PATH")}";
        }
    }

    public string Folder { get; }

    public string State { get; }

    /// <summary>The runs that have a folder in this desk's state.</summary>
    public IEnumerable<RunId> Runs =>
        Directory.Exists(Path.Combine(State, "runs"))
            ? Directory.EnumerateDirectories(Path.Combine(State, "runs")).Select(folder => RunId.Parse(Path.GetFileName(folder), null))
            : [];

    public RunId OnlyRun => Assert.Single(Runs);

    public string RunFolder => Path.Combine(State, "runs", OnlyRun.Value);

    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Runs <c>berth</c> to its end.</summary>
    public async Task<Said> BerthAsync(params string[] arguments) => _last = await RunningProgram.RunAsync(Command(arguments));

    public async Task<Said> BerthAsync(string[] arguments, string input) => _last = await RunningProgram.RunAsync(Command(arguments), input: input);

    /// <summary>Runs a job to its end.</summary>
    public Task<Said> RunAsync(Definition job, params string[] options) => BerthAsync([.. RunArguments(job, options)]);

    /// <summary>Starts a job and leaves it running.</summary>
    public RunningProgram Start(Definition job, params string[] options) => Noted(RunningProgram.Start(Command([.. RunArguments(job, options)])));

    public RunningProgram Start(TimeSpan limit, int mostKept, Definition job, params string[] options) =>
        Noted(RunningProgram.Start(Command([.. RunArguments(job, options)]), limit, mostKept: mostKept));

    /// <summary>The result file as JSON.</summary>
    public JsonElement Result(string name = "result.json") => JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, name))).RootElement;

    /// <summary>The text of every line the full log of an operation has.</summary>
    public string[] Log(int operation) =>
        [.. File.ReadLines(Path.Combine(RunFolder, "logs", $"{operation}.log")).Select(line => line[31..])];

    /// <summary>No container, network, volume or firewall table of this desk's runs is left.</summary>
    public async Task LeavesNothingAsync()
    {
        foreach (var run in Runs)
        {
            await EngineLeftovers.NoneOfAsync(_engine, run, _last);
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            // What a killed program leaves is no news, and would hide why its test failed.
            if (!_started.Any(program => program.WasCutShort))
            {
                await LeavesNothingAsync();
            }
        }
        finally
        {
            await Task.WhenAll(Runs.Select(run => EngineLeftovers.RemoveAsync(_engine, run)));
            Directory.Delete(Folder, recursive: true);
        }
    }

    public ProcessStartInfo Command(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Checkout.Program, arguments) { WorkingDirectory = Folder };
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private RunningProgram Noted(RunningProgram program)
    {
        _started.Add(program);
        return program;
    }

    private IEnumerable<string> RunArguments(Definition job, string[] options) => ["run", Write("job.json", job.ToString()), .. options];
}
