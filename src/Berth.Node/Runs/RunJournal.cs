using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol.Sealing;

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
    private readonly RunSeal? _seal;
    private readonly SecretMask _mask;

    private RunJournal(FileStream file, RunState state, TimeProvider time, Action<RunEvent> watch, RunSeal? seal, SecretMask mask)
    {
        (_seal, _mask) = (seal, mask);
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

    /// <summary>The same; with a seal the events lie sealed in the file, and the mask takes values of secrets out of every event before anybody sees it.</summary>
    internal static RunJournal Open(string path, TimeProvider time, Action<RunEvent> watch, Func<string, FileStream> open, RunSeal? seal = null, SecretMask? mask = null)
    {
        var events = File.Exists(path) ? ReadWhole(path, seal, out var whole) : Nothing(out whole);
        var file = open(path);
        file.SetLength(whole);
        file.Seek(whole, SeekOrigin.Begin);
        return new RunJournal(file, RunState.Of(events), time, watch, seal, mask ?? SecretMask.None);
    }

    internal static FileStream OpenFile(string path) => new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 0);

    /// <summary>The events of a journal somebody else may be writing, a torn last line left out; without the seal of a sealed one, its end only.</summary>
    public static IReadOnlyList<RunEvent> Read(string path, RunSeal? seal = null) => ReadWhole(path, seal, out _);

    /// <summary>Numbers the event, gives it its time, writes it and shows it.</summary>
    /// <exception cref="IOException">
    /// The disk is full or gone; the event did not happen. From then on events are only shown: the run can be cleaned up and its end told.
    /// </exception>
    public RunEvent Append(RunEvent happened)
    {
        lock (_order)
        {
            var numbered = _mask.Apply(happened) with { Number = State.LastNumber + 1, At = _time.GetUtcNow() };
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
            _file.Write([.. Line(numbered), (byte)'\n']);
            _file.Flush(flushToDisk: MustLast(numbered));
        }
        catch (IOException fault)
        {
            Fault = new IOException($"The run's journal cannot be written ({fault.Message}).", fault);
            throw Fault;
        }
    }

    // Of a confidential run the line is what goes to the market.
    private byte[] Line(RunEvent numbered)
    {
        var written = RunEventJson.Write(numbered);
        if (_seal is null)
        {
            return written;
        }

        using var json = JsonDocument.Parse(written);
        return Encoding.UTF8.GetBytes(_seal.Seal(json.RootElement).GetRawText());
    }

    private static RunEvent? EventIn(ReadOnlySpan<byte> line, RunSeal? seal)
    {
        if (seal is null)
        {
            return RunEventJson.Read(line);
        }

        try
        {
            var json = new Utf8JsonReader(line);
            using var parsed = JsonDocument.ParseValue(ref json);
            return seal.TryOpen(parsed.RootElement) is { } opened ? RunEventJson.Read(Encoding.UTF8.GetBytes(opened.GetRawText())) : RunEventJson.Read(line);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool MustLast(RunEvent happened) =>
        happened is not (PullProgressed or ResourceProgressed or OutputCopying { Files: > 0 } or Notice or ImageReady or EndpointHealthChanged or OperationStarting);

    private static List<RunEvent> Nothing(out long whole)
    {
        whole = 0;
        return [];
    }

    private static List<RunEvent> ReadWhole(string path, RunSeal? seal, out long whole)
    {
        var bytes = File.ReadAllBytes(path);
        var events = new List<RunEvent>();
        var start = 0;
        for (int end; (end = Array.IndexOf(bytes, (byte)'\n', start)) >= 0; start = end + 1)
        {
            if (EventIn(bytes.AsSpan(start, end - start), seal) is { } happened)
            {
                events.Add(happened);
            }
        }

        whole = start;
        return events;
    }
}
