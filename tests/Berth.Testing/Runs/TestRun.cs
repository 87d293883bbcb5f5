using System.Collections.Immutable;
using System.Text;
using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Node.Resources;
using Berth.Node.Runs;
using Berth.Testing.Containers;
using Xunit;

namespace Berth.Testing.Runs;

/// <summary>
/// One run on a scripted engine, with a clock and a folder of its own, as a test sees it: what happened and what was printed, in order. It can be
/// made to die at any event; <see cref="Successor"/> is then the next process, with the folder as it was at that instant.
/// </summary>
public sealed class TestRun : IRunWatcher, IDisposable
{
    /// <summary>How long a test waits for what must come at once, in real time; only a broken program makes it so long.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly ContainerLimits Ceiling = new() { MemoryBytes = 1L << 30 };

    private readonly Lock _gate = new();
    private readonly List<RunEvent> _events = [];
    private readonly Dictionary<OperationId, List<string>> _lines = [];
    private readonly TaskCompletionSource _died = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DirectoryInfo _home;
    private readonly MortalEngine _hold;
    private readonly bool _isSuccessor;
    private readonly CrashPoint? _crash;
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private TestRun(RunRequest request, TestClock clock, FakeContainerEngine engine, DirectoryInfo home, string state, CrashPoint? crash, bool isSuccessor)
    {
        Clock = clock;
        Engine = engine;
        _home = home;
        _isSuccessor = isSuccessor;
        _crash = crash;
        _hold = new MortalEngine(engine);
        Request = request;
        StateDirectory = Path.Combine(home.FullName, state);
        Resources = new ResourceStore(TestResources.Settings(home.FullName), clock);
        Folder = RunFolder.Of(StateDirectory, request.Run);
    }

    public static string NodeName => "test-node";

    public TestClock Clock { get; }

    public FakeContainerEngine Engine { get; }

    public RunRequest Request { get; init; }

    public RunAdmission Admission { get; set; } = new() { Ceiling = Ceiling, SeesFolders = true };

    /// <summary>What this process fetches with; what was fetched stays for the next.</summary>
    public ResourceStore Resources { get; }

    public RunFolder Folder { get; }

    public string StateDirectory { get; }

    public StopSignal Stop { get; } = new();

    /// <summary>How the journal's file is opened; a disk that is full opens another.</summary>
    public Func<string, FileStream> OpenJournal { get; set; } = RunJournal.OpenFile;

    public RunState State => RunState.Of(Events);

    public ImmutableArray<RunEvent> Events
    {
        get
        {
            lock (_gate)
            {
                return [.. _events];
            }
        }
    }

    public IEnumerable<string> Notices => Events.OfType<Notice>().Select(notice => notice.Message);

    /// <summary>A run of these operations, each the text of a member of <c>ops</c>; see <see cref="Op"/>.</summary>
    public static TestRun Of(params string[] operations) => Of(new Wishes(), operations);

    public static TestRun Of(Wishes wishes, params string[] operations)
    {
        var reading = JobDefinitionReader.Read(Encoding.UTF8.GetBytes($$"""{ "version": "0.1", "type": "container", "ops": [{{string.Join(", ", operations)}}] }"""));
        Assert.True(reading.Definition is not null, string.Join("\n", reading.Problems));
        var home = Directory.CreateTempSubdirectory("berth-run-");
        var clock = new TestClock { Hurries = wishes.Hurries };
        var request = new RunRequest
        {
            Run = RunId.New(),
            Job = JobId.New(),
            Definition = reading.Definition!,
            Timeout = wishes.Timeout,
            Pull = wishes.Pull,
            Limits = wishes.Limits,
            Secrets = wishes.Secrets,
            OutputDirectory = Path.Combine(home.FullName, "output"),
        };
        return new TestRun(request, clock, new FakeContainerEngine(clock), home, "state", wishes.Crash, isSuccessor: false);
    }

    /// <summary>The text of a <c>container/run</c>; further members of its <c>args</c> and of itself as JSON without the braces.</summary>
    public static string Op(string id, string image, string args = "", string more = "") =>
        $$"""{ "type": "container/run", "id": "{{id}}", "args": { "image": "{{image}}"{{Comma(args)}} }{{Comma(more)}} }""";

    /// <summary>The text of a <c>container/create-volume</c>.</summary>
    public static string Volume(string id, string name, string more = "") =>
        $$"""{ "type": "container/create-volume", "id": "{{id}}", "args": { "name": "{{name}}" }{{Comma(more)}} }""";

    /// <summary>Executes to the end, or to the moment the process was to die.</summary>
    public async Task<RunState> ExecuteAsync()
    {
        using var lease = Folder.TryOwn();
        Assert.NotNull(lease);
        var executor = new RunExecutor(_hold, NodeName, Resources, Clock) { OpenJournal = OpenJournal };
        var running = executor.ExecuteAsync(Request, Admission, Folder, this, Stop);
        await Task.WhenAny(running, _died.Task).WaitAsync(Patience);
        return HasDied ? State : await running;
    }

    public bool HasDied => _died.Task.IsCompleted;

    /// <summary>The process that goes on with the run after this one died.</summary>
    public TestRun Successor(CrashPoint? crash = null) =>
        new(Request, Clock, Engine, _home, Path.GetFileName(StateDirectory) + "+", crash, isSuccessor: true) { Admission = Admission };

    /// <summary>The same run executed once more, with the same folder.</summary>
    public TestRun Again() => new(Request, Clock, Engine, _home, Path.GetFileName(StateDirectory), null, isSuccessor: true) { Admission = Admission };

    /// <summary>The first event of that kind, as soon as there is one.</summary>
    public async Task<T> UntilAsync<T>(Func<T, bool>? when = null)
        where T : RunEvent
    {
        while (true)
        {
            Task news;
            lock (_gate)
            {
                if (_events.OfType<T>().FirstOrDefault(when ?? (_ => true)) is { } happened)
                {
                    return happened;
                }

                news = _news.Task;
            }

            await news.WaitAsync(Patience);
        }
    }

    public Task<ContainerStarted> UntilRunsAsync(string operation) => UntilAsync<ContainerStarted>(started => started.Operation.Value == operation);

    /// <summary>A container runs and its end is waited for.</summary>
    public Task UntilWatchedAsync() => _hold.Watched.WaitAsync(Patience);

    public OperationState Operation(string id) => State.Find(new OperationId(id)) ?? throw new ArgumentException($"The run has no operation {id}.", nameof(id));

    /// <summary>What the operation printed, as the watcher was shown it.</summary>
    public ImmutableArray<string> Shown(string operation)
    {
        lock (_gate)
        {
            return [.. _lines.GetValueOrDefault(new OperationId(operation)) ?? []];
        }
    }

    /// <summary>What the operation's file has: the stream's word and the text.</summary>
    public ImmutableArray<string> Log(string operation)
    {
        var index = Request.Definition.Operations.First(known => known.Id.Value == operation).Index;
        return File.Exists(Folder.Log(index)) ? [.. RunLog.Read(Folder.Log(index)).Select(Line)] : [];
    }

    public string Container(string operation) =>
        new RunNames(NodeName, Request.Run, Request.Job).Container(Request.Definition.Operations.First(known => known.Id.Value == operation).Index);

    public void Happened(RunEvent happened)
    {
        lock (_gate)
        {
            if (HasDied)
            {
                return;
            }

            _events.Add(happened);
            if (_crash is { } crash && crash.At(happened) && _events.Count(crash.At) == crash.Events)
            {
                Die(crash.Before);
            }

            _news.TrySetResult();
            _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Wrote(OperationId operation, IReadOnlyList<LogLine> lines)
    {
        lock (_gate)
        {
            if (!_lines.TryGetValue(operation, out var shown))
            {
                _lines[operation] = shown = [];
            }

            shown.AddRange(lines.Select(Line));
        }
    }

    public void Dispose()
    {
        Stop.Dispose();
        Resources.Dispose();
        if (!_isSuccessor)
        {
            _home.Delete(recursive: true);
        }
    }

    private static string Comma(string members) => members.Length > 0 ? ", " + members : "";

    private static string Line(LogLine line) => $"{line.Stream.ToString().ToLowerInvariant()} {Encoding.UTF8.GetString(line.Text.Span)}{line.CutMark}";

    // The executor writes before it shows, so what lies in the folder now is what a dead process leaves.
    private void Die(bool before)
    {
        _hold.Die();
        ThreadPool.QueueUserWorkItem(_ => Resources.Dispose());
        var logs = Directory.CreateDirectory(Path.Combine(Successor().Folder.Path, "logs"));
        foreach (var log in Directory.EnumerateFiles(Path.Combine(Folder.Path, "logs")))
        {
            Copy(log, Path.Combine(logs.FullName, Path.GetFileName(log)), withoutLast: false);
        }

        Copy(Folder.Journal, Successor().Folder.Journal, withoutLast: before);
        _died.TrySetResult();
    }

    private static void Copy(string from, string to, bool withoutLast)
    {
        using var source = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[source.Length];
        source.ReadExactly(bytes);
        var length = withoutLast ? bytes.AsSpan(0, bytes.Length - 1).LastIndexOf((byte)'\n') + 1 : bytes.Length;
        File.WriteAllBytes(to, bytes[..length]);
    }
}

/// <summary>What a test asks of its run besides the operations.</summary>
public sealed record Wishes
{
    public TimeSpan? Timeout { get; init; }

    public PullPolicy Pull { get; init; }

    public RunLimits Limits { get; init; } = new();

    public RunSecrets Secrets { get; init; } = RunSecrets.None;

    /// <summary>Waits up to this length the clock passes by itself.</summary>
    public TimeSpan Hurries { get; init; }

    public CrashPoint? Crash { get; init; }
}

/// <summary>The process dies at the so-manieth event it writes: just before it is in the journal, or just after.</summary>
public sealed record CrashPoint(int Events, bool Before)
{
    /// <summary>Which events count; all of them unless told otherwise.</summary>
    public Func<RunEvent, bool> At { get; init; } = _ => true;
}
