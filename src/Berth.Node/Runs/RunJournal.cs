using System.Diagnostics;
using Berth.Jobs;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>
/// The append-only file of a run's events, one JSON line each. An event that says what will be done, or what must not be done twice,
/// is on the disk before <see cref="Append"/> returns; a torn last line is dropped when the file is opened again.
/// </summary>
public sealed class RunJournal : IDisposable
{
    private readonly Lock _order = new();
    private readonly FileStream _file;
    private readonly TimeProvider _time;
    private readonly Action<RunEvent> _watch;

    private RunJournal(FileStream file, RunState state, TimeProvider time, Action<RunEvent> watch)
    {
        _file = file;
        State = state;
        _time = time;
        _watch = watch;
    }

    /// <summary>The fold of everything appended so far.</summary>
    public RunState State { get; private set; }

    /// <summary>What it tells of one operation.</summary>
    internal OperationState StateOf(OperationId id) => State.Find(id) ?? throw new UnreachableException($"The run never announced {id}.");

    /// <summary>Why events are no longer written, or null while they are.</summary>
    public IOException? Fault { get; private set; }

    /// <summary>Opens or makes the journal; <paramref name="watch"/> sees every event appended from now on, in order.</summary>
    public static RunJournal Open(string path, TimeProvider time, Action<RunEvent> watch) => Open(path, time, watch, OpenFile);

    internal static RunJournal Open(string path, TimeProvider time, Action<RunEvent> watch, Func<string, FileStream> open)
    {
        var events = File.Exists(path) ? ReadWhole(path, out var whole) : Nothing(out whole);
        var file = open(path);
        file.SetLength(whole);
        file.Seek(whole, SeekOrigin.Begin);
        return new RunJournal(file, RunState.Of(events), time, watch);
    }

    internal static FileStream OpenFile(string path) => new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 0);

    /// <summary>The events of a journal somebody else may be writing, a torn last line left out.</summary>
    public static IReadOnlyList<RunEvent> Read(string path) => ReadWhole(path, out _);

    /// <summary>Numbers the event, gives it its time, writes it and shows it.</summary>
    /// <exception cref="IOException">
    /// The disk is full or gone; the event did not happen. From then on events are only shown: the run can be cleaned up and its end told.
    /// </exception>
    public RunEvent Append(RunEvent happened)
    {
        lock (_order)
        {
            var numbered = happened with { Number = State.LastNumber + 1, At = _time.GetUtcNow() };
            Write(numbered);
            State = State.After(numbered);
            _watch(numbered);
            return numbered;
        }
    }

    /// <summary>Appends what nobody acts on; that it could not be written is for <see cref="Fault"/> to say when the run ends.</summary>
    public void Note(RunEvent happened)
    {
        try
        {
            Append(happened);
        }
        catch (IOException)
        {
            Append(happened);
        }
    }

    public void Dispose() => _file.Dispose();

    private void Write(RunEvent numbered)
    {
        if (Fault is not null)
        {
            return;
        }

        try
        {
            _file.Write([.. RunEventJson.Write(numbered), (byte)'\n']);
            _file.Flush(flushToDisk: MustLast(numbered));
        }
        catch (IOException fault)
        {
            Fault = new IOException($"The run's journal cannot be written ({fault.Message}).", fault);
            throw Fault;
        }
    }

    private static bool MustLast(RunEvent happened) =>
        happened is not (PullProgressed or ResourceProgressed or OutputCopying { Files: > 0 } or Notice or ImageReady or EndpointHealthChanged or OperationStarting);

    private static List<RunEvent> Nothing(out long whole)
    {
        whole = 0;
        return [];
    }

    private static List<RunEvent> ReadWhole(string path, out long whole)
    {
        var bytes = File.ReadAllBytes(path);
        var events = new List<RunEvent>();
        var start = 0;
        for (int end; (end = Array.IndexOf(bytes, (byte)'\n', start)) >= 0; start = end + 1)
        {
            if (RunEventJson.Read(bytes.AsSpan(start, end - start)) is { } happened)
            {
                events.Add(happened);
            }
        }

        whole = start;
        return events;
    }
}
