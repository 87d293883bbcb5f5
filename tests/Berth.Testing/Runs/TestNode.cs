using System.Collections.Immutable;
using Berth.Node.Capacity;
using Berth.Node.Resources;
using Berth.Node.Runs;
using Berth.Node.Work;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Testing.Containers;
using Berth.Testing.Market;
using Xunit;

namespace Berth.Testing.Runs;

/// <summary>Where a node's process dies: at the so-manieth write to a journal, or at the so-manieth time that something passes between it and the market.</summary>
public sealed record NodeDeath
{
    /// <summary>Just before, or with <see cref="AfterWrite"/> just after, that many writes to journals.</summary>
    public int? Write { get; init; }

    public bool AfterWrite { get; init; }

    /// <summary>Odd numbers are requests on their way, even ones answers on theirs, when nothing else is under way.</summary>
    public int? Passing { get; init; }
}

/// <summary>
/// One process of a node at work for a scripted market on a scripted engine. It can be made to die at any moment; <see cref="Successor"/> is the next process, with the folder
/// as it was at that instant.
/// </summary>
public sealed class TestNode : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<string> _said = [];
    private readonly TaskCompletionSource _died = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DirectoryInfo _home;
    private readonly MortalEngine _engine;
    private readonly ScriptedLine _line;
    private readonly NodeDeath? _death;
    private readonly bool _isSuccessor;
    private readonly NodeLoop _loop;
    private readonly MarketClient _client;
    private TaskCompletionSource _news = NewSignal();
    private Task? _running;
    private int _writes;

    private TestNode(TestClock clock, FakeContainerEngine engine, ScriptedMarket market, DirectoryInfo home, string state, NodeWishes wishes, bool isSuccessor)
    {
        (Clock, Engine, Market, _home, Wishes, _isSuccessor, _death) = (clock, engine, market, home, wishes, isSuccessor, wishes.Death);
        StateDirectory = Path.Combine(home.FullName, state);
        Directory.CreateDirectory(StateDirectory);
        Exit = new NodeExit(clock);
        _engine = new MortalEngine(engine);
        _line = new ScriptedLine(market) { Passing = count => DieIf(count == _death?.Passing) };
        _client = MarketClient.Connect(new Uri("http://market.test"), key: null, clock, _line);
        var settings = new NodeSettings
        {
            Node = Address,
            Market = ScriptedMarket.Slug,
            StateDirectory = StateDirectory,
            Slots = wishes.Slots,
            Guarding = Guarding.Never,
        };
        Resources = new ResourceStore(TestResources.Settings(_home.FullName), clock);
        _loop = new NodeLoop(settings, _engine, _client, Resources, new NodeLog(clock, Hear), Exit, clock, wishes.BootId, () => 0, path => new DeadlyFile(path, this));
    }

    public static Address Address { get; } = Address.Of([.. Enumerable.Repeat((byte)7, 32)]);

    public ResourceStore Resources { get; }

    public TestClock Clock { get; }

    public FakeContainerEngine Engine { get; }

    public ScriptedMarket Market { get; }

    public NodeWishes Wishes { get; }

    public NodeExit Exit { get; }

    public string StateDirectory { get; }

    public NodeStatus Status => _loop.Status;

    /// <summary>How often something passed between it and the market, in either direction.</summary>
    public int Passed => _line.Passed;

    public bool HasDied => _died.Task.IsCompleted;

    public ImmutableArray<string> Said
    {
        get
        {
            lock (_gate)
            {
                return [.. _said];
            }
        }
    }

    /// <summary>The first process of a node; with it come the engine, the market and the clock of its test.</summary>
    public static TestNode Of(NodeWishes? wishes = null)
    {
        wishes ??= new NodeWishes();
        var clock = new TestClock { Hurries = wishes.Hurries };
        return new TestNode(
            clock,
            new FakeContainerEngine(clock),
            new ScriptedMarket(clock) { LeaseLength = wishes.LeaseLength },
            Directory.CreateTempSubdirectory("berth-node-"),
            "state",
            wishes,
            isSuccessor: false);
    }

    /// <summary>The text of a definition of these operations (<see cref="TestRun.Op"/>).</summary>
    public static string Job(params string[] operations) => $$"""{ "version": "0.1", "type": "container", "ops": [{{string.Join(", ", operations)}}] }""";

    public TestNode Start()
    {
        _running = Task.Run(_loop.RunAsync);
        return this;
    }

    /// <summary>The process's end, in good order or by its death.</summary>
    public async Task EndAsync()
    {
        await Task.WhenAny(_running!, _died.Task).WaitAsync(TestRun.Patience);
        if (!HasDied)
        {
            await _running!;
        }
    }

    /// <summary>The process is killed now.</summary>
    public void Kill() => Die();

    /// <summary>The process that comes after this one.</summary>
    public TestNode Successor(NodeWishes? wishes = null) =>
        new(Clock, Engine, Market, _home, Path.GetFileName(StateDirectory) + "+", wishes ?? (Wishes with { Death = null }), isSuccessor: true);

    /// <summary>The process that comes after this one ended in good order.</summary>
    public TestNode Again() => new(Clock, Engine, Market, _home, Path.GetFileName(StateDirectory), Wishes, isSuccessor: true);

    /// <summary>The first sentence with these words, as soon as it was said.</summary>
    public async Task<string> UntilSaysAsync(string words)
    {
        while (true)
        {
            Task news;
            lock (_gate)
            {
                if (_said.FirstOrDefault(sentence => sentence.Contains(words, StringComparison.Ordinal)) is { } said)
                {
                    return said;
                }

                news = _news.Task;
            }

            await Task.WhenAny(news, _running!).WaitAsync(TestRun.Patience);
            if (_running!.IsCompleted && !news.IsCompleted)
            {
                await _running;
                Assert.Fail($"The node left and never said '{words}': {string.Join(" | ", Said)}");
            }
        }
    }

    /// <summary>The market's first run that is so, as soon as there is one.</summary>
    public async Task<ScriptedRun> UntilRunAsync(Func<ScriptedRun, bool> isSo)
    {
        ScriptedRun? found = null;
        try
        {
            await Market.UntilAsync(market => (found = market.Runs.FirstOrDefault(isSo)) is not null, TestRun.Patience);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"No run came to be so. The node said: {string.Join(" | ", Said)} The market heard: {string.Join(", ", Market.Calls)}; of it: {string.Join(" ", Market.Violations)}");
        }

        return found!;
    }

    public RunFolder Folder(ScriptedRun run) => RunFolder.Of(StateDirectory, run.Lease.Run);

    public async ValueTask DisposeAsync()
    {
        if (_running is { IsCompleted: false } && !HasDied)
        {
            Exit.Hurry();
            await Task.WhenAny(_running).WaitAsync(TestRun.Patience);
        }

        if (!HasDied)
        {
            _client.Dispose();
            Resources.Dispose();
        }

        if (!_isSuccessor)
        {
            Delete();
        }
    }

    // The dead write on for a moment in their own folder, which nobody reads.
    private void Delete()
    {
        for (var left = 100; ; left--)
        {
            try
            {
                _home.Delete(recursive: true);
                return;
            }
            catch (IOException) when (left > 0)
            {
                Thread.Yield();
            }
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Hear(string sentence)
    {
        lock (_gate)
        {
            _said.Add(sentence);
            _news.TrySetResult();
            _news = NewSignal();
        }
    }

    private void DieIf(bool now)
    {
        if (now && !HasDied)
        {
            Die();
        }
    }

    private void Die()
    {
        _line.Die();
        _engine.Die();
        ThreadPool.QueueUserWorkItem(_ => Resources.Dispose());
        Copy(new DirectoryInfo(StateDirectory), new DirectoryInfo(Path.Combine(_home.FullName, Path.GetFileName(StateDirectory) + "+")));
        _died.TrySetResult();
    }

    private static void Copy(DirectoryInfo from, DirectoryInfo to)
    {
        to.Create();
        foreach (var file in from.EnumerateFiles().Where(file => file.Name != "lock"))
        {
            using var source = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var copy = File.Create(Path.Combine(to.FullName, file.Name));
            source.CopyTo(copy);
        }

        foreach (var folder in from.EnumerateDirectories())
        {
            Copy(folder, new DirectoryInfo(Path.Combine(to.FullName, folder.Name)));
        }
    }

    /// <summary>A journal's file; the process may die as it writes to it.</summary>
    private sealed class DeadlyFile(string path, TestNode node) : FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 0)
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            var number = Interlocked.Increment(ref node._writes);
            var isHere = number == node._death?.Write;
            node.DieIf(isHere && !node._death!.AfterWrite);
            base.Write(buffer.ToArray(), 0, buffer.Length);
            node.DieIf(isHere);
        }
    }
}

/// <summary>What a test asks of its node.</summary>
public sealed record NodeWishes
{
    /// <summary>Waits up to this length the clock passes by itself.</summary>
    public TimeSpan Hurries { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan LeaseLength { get; init; } = TimeSpan.FromMinutes(2);

    public ImmutableArray<GpuChoice> Slots { get; init; } = [];

    public string BootId { get; init; } = "this-boot";

    public NodeDeath? Death { get; init; }
}
