using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Node.Runs;

namespace Berth.Cli.Rendering;

/// <summary>
/// Shows a run to a person: log lines on standard output, everything about them on standard error. On a terminal every operation has its
/// coloured prefix and every pull a bar; elsewhere lines are plain, and prefixed only where there is more than one operation.
/// </summary>
internal sealed class TextWatcher : IRunWatcher
{
    private const int BarWidth = 24;
    private const int WidestName = 32;
    private readonly Lock _screen = new();
    private readonly ArrayBufferWriter<byte> _block = new(256 * 1024);
    private readonly Dictionary<OperationId, (int Index, byte[] Prefix)> _prefixes = [];
    private readonly Surroundings _around;
    private readonly Palette _palette;
    private readonly LiveLines? _live;
    private readonly Action _outputClosed;
    private readonly HashSet<(OperationId, int)> _fetching = [];
    private bool _isClosed;
    private int _width;
    private RunState _state;

    /// <summary>
    /// <paramref name="soFar"/> is what happened before this process took the run over; <paramref name="outputClosed"/> is called once when
    /// nobody reads standard output any more.
    /// </summary>
    public TextWatcher(Surroundings around, RunState soFar, Action outputClosed)
    {
        _state = soFar;
        _around = around;
        _outputClosed = outputClosed;
        _palette = new Palette(around.IsErrorTerminal && around.HasColour);
        _live = _palette.IsOn ? new LiveLines(around.Error, Math.Max(40, Console.WindowWidth)) : null;
        NameOperations();
    }

    /// <summary>The time each line was written stands before it.</summary>
    public bool HasTimes { get; init; }

    public void Happened(RunEvent happened)
    {
        lock (_screen)
        {
            _state = _state.After(happened);
            switch (happened)
            {
                case RunStarted e:
                    NameOperations();
                    Say(_palette.Quiet($"run {e.Run}{(e.Timeout is { } most ? $", may take {Durations.Words(most)}" : "")}"));
                    break;
                case RunResumed:
                    Say(_palette.Quiet($"resuming run {_state.Run}"));
                    break;
                case Notice e:
                    Say($"{(e.Operation is { } about ? Name(about) + " " : "")}{(e.Level == NoticeLevel.Warning ? _palette.Doubtful("warning:") : "note:")} {e.Message}");
                    break;
                case PullProgressed e:
                    ShowPull(e);
                    break;
                case ImageReady e:
                    _live?.Set(Index(e.Operation), null);
                    if (e.Pulled)
                    {
                        Say($"{Name(e.Operation)} {_palette.Quiet($"pulled {e.Image}")}");
                    }

                    break;
                case ResourceProgressed e:
                    ShowFetch(e);
                    break;
                case ResourceReady e:
                    _live?.Set(FetchPlace(e.Operation), null);
                    Say($"{Name(e.Operation)} {_palette.Quiet($"{(e.WasHere ? "has" : "fetched")} {e.Name} ({Printed.Files(e.Files)}, {Durations.Size(e.Bytes)}{(e.WasHere ? ", cached" : "")})")}");
                    break;
                case ContainerStarting { Restart: > 0 } e:
                    Say($"{Name(e.Operation)} {_palette.Doubtful($"starting again ({Ordinal(e.Restart)} time) in {Durations.Words(e.Delay)}")}");
                    break;
                case ContainerStarted e:
                    Say($"{Name(e.Operation)} {_palette.Quiet("started")}");
                    break;
                case EndpointUp e:
                    Say($"{Name(e.Operation)} port {e.Port} at {_palette.Strong(e.Url)}");
                    break;
                case EndpointHealthChanged e:
                    Say($"{Name(e.Operation)} port {e.Port} is {(e.Health == EndpointHealth.Online ? _palette.Good("healthy") : _palette.Bad("not healthy"))}: {e.Detail}");
                    break;
                case OutputCopying e:
                    _live?.Set(Index(e.Operation), $"{Name(e.Operation)} copying {e.Path}: {Printed.Files(e.Files)}, {Durations.Size(e.Bytes)}");
                    break;
                case ArtefactKept e:
                    _live?.Set(Index(e.Operation), null);
                    Say($"{Name(e.Operation)} kept {e.Path} as {_palette.Strong(e.Name)} ({Printed.Files(e.Files)}, {Durations.Size(e.Bytes)}, packed {Durations.Size(e.Size)})");
                    break;
                case OutputCopied e:
                    _live?.Set(Index(e.Operation), null);
                    Say($"{Name(e.Operation)} copied {e.Path} to {_palette.Strong(e.Destination)} ({Printed.Files(e.Files)}, {Durations.Size(e.Bytes)})");
                    break;
                case ResourceReturned e:
                    Say($"{Name(e.Operation)} {(e.Files == 0 ? $"changed nothing in {e.Name}" : $"saved {Printed.Files(e.Files)}, {Durations.Size(e.Bytes)}, to {_palette.Strong(e.Name)}")}");
                    break;
                case OperationEnded e:
                    _live?.Set(Index(e.Operation), null);
                    _live?.Set(FetchPlace(e.Operation), null);
                    Say($"{Name(e.Operation)} {Ended(e)}");
                    break;
                case RunStopping e when e.Reason is not StopReason.JobFailed:
                    Say(_palette.Doubtful(e.Reason == StopReason.Expired ? "time is up, stopping" : "stopping"));
                    break;
                case RunEnded e:
                    Finish(e);
                    break;
                default:
                    break;
            }
        }
    }

    public void Wrote(OperationId operation, IReadOnlyList<LogLine> lines)
    {
        lock (_screen)
        {
            if (_isClosed || lines.Count == 0)
            {
                return;
            }

            var prefix = _prefixes.TryGetValue(operation, out var known) ? known.Prefix : [];
            _block.ResetWrittenCount();
            foreach (var line in lines)
            {
                _block.Write(prefix);
                if (HasTimes)
                {
                    _block.Write(Encoding.UTF8.GetBytes(line.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z '", CultureInfo.InvariantCulture)));
                }

                if (_around.IsOutputTerminal)
                {
                    SafeText.Write(line.Text.Span, _block);
                    _block.Write(_palette.IsOn ? "\e[0m"u8 : default);
                }
                else
                {
                    _block.Write(line.Text.Span);
                }

                if (line.LeftOut > 0)
                {
                    _block.Write(Encoding.UTF8.GetBytes(line.CutMark));
                }

                _block.Write("\n"u8);
                if (_block.WrittenCount > 1 << 20)
                {
                    WriteBlock();
                }
            }

            WriteBlock();
        }
    }

    private void WriteBlock()
    {
        try
        {
            if (_live is null)
            {
                _around.Output.Write(_block.WrittenSpan);
            }
            else
            {
                _live.Above(() => _around.Output.Write(_block.WrittenSpan));
            }
        }
        catch (IOException)
        {
            // Whoever read the output is gone; the job has nobody to run for.
            _isClosed = true;
            _outputClosed();
        }

        _block.ResetWrittenCount();
    }

    private void NameOperations()
    {
        var containers = _state.Operations.Count(operation => operation.IsContainer);
        _width = Math.Min(WidestName, _state.Operations.Select(operation => operation.Id.Value.Length).DefaultIfEmpty().Max());
        foreach (var (index, operation) in _state.Operations.Index())
        {
            var prefix = _around.IsOutputTerminal && _palette.IsOn
                ? $"{_palette.Operation(index, operation.Id.Value.PadRight(_width))} │ "
                : containers > 1 ? $"{operation.Id.Value.PadRight(_width)} | " : "";
            _prefixes[operation.Id] = (index, Encoding.UTF8.GetBytes(prefix));
        }
    }

    private void ShowPull(PullProgressed e)
    {
        if (e.Layers == 0)
        {
            if (_live is null)
            {
                Say($"{Name(e.Operation)} pulling {e.Image}");
            }

            _live?.Set(Index(e.Operation), $"{Name(e.Operation)} pulling {e.Image}");
            return;
        }

        _live?.Set(Index(e.Operation), $"{Name(e.Operation)} {Bar(e.CurrentBytes, e.TotalBytes)} {Durations.Size(e.CurrentBytes)} of {Durations.Size(e.TotalBytes)}, {e.LayersDone} of {e.Layers} layers  {e.Image}");
    }

    private void ShowFetch(ResourceProgressed e)
    {
        if (_live is null)
        {
            if (_fetching.Add((e.Operation, e.Index)))
            {
                Say($"{Name(e.Operation)} fetching {e.Name}{(e.TotalBytes is { } size ? $", {Durations.Size(size)}" : "")}");
            }

            return;
        }

        var files = e.Files > 1 ? $", {e.FilesDone} of {e.Files} files" : "";
        var rate = e.BytesPerSecond > 0 ? $", {Durations.Size(e.BytesPerSecond)}/s" : "";
        var left = e.TimeLeft is { } time ? $", {Durations.Words(time)} left" : "";
        var far = e.TotalBytes is { } total
            ? $"{Bar(e.CurrentBytes, total)} {Durations.Size(e.CurrentBytes)} of {Durations.Size(total)}"
            : $"fetching {Durations.Size(e.CurrentBytes)}";
        _live.Set(FetchPlace(e.Operation), $"{Name(e.Operation)} {far}{files}{rate}{left}  {e.Name}");
    }

    private string Bar(long current, long total)
    {
        var share = total > 0 ? Math.Clamp((double)current / total, 0, 1) : 0;
        return $"{_palette.Bar(share, BarWidth)} {share * 100,3:0} %";
    }

    // Below the lines of the operations themselves: an image and a resource come at once.
    private int FetchPlace(OperationId id) => Index(id) + 1_000_000;

    private string Ended(OperationEnded e)
    {
        var took = _state.Find(e.Operation) is { StartedAt: { } started, EndedAt: { } ended } ? $" after {Durations.Words(ended - started)}" : "";
        return e.Outcome switch
        {
            OperationOutcome.Succeeded => _palette.Good($"✓ done{took}"),
            OperationOutcome.Failed => _palette.Bad($"✗ failed{took}: {e.Error?.Message ?? $"exit code {e.ExitCode}"}"),
            OperationOutcome.Stopped => _palette.Doubtful($"■ stopped{took}: {Why(e.Reason)}"),
            OperationOutcome.Skipped => _palette.Quiet($"- skipped: {Why(e.Reason)}"),
            _ => throw new UnreachableException($"No words for {e.Outcome}."),
        };
    }

    private static string Why(StopReason? reason) => reason switch
    {
        StopReason.Expired => "the job's time was up",
        StopReason.StoppedByClient => "the job was stopped",
        StopReason.DependentEnded => "what it goes with has ended",
        StopReason.JobFailed => "another operation failed",
        StopReason.NodeShutdown => "the run broke off",
        null => "what it waits for did not get ready",
        _ => throw new UnreachableException($"No words for {reason}."),
    };

    private void Finish(RunEnded e)
    {
        var results =
            from operation in _state.Operations
            from result in operation.End?.Results.OrderBy(result => result.Key, StringComparer.Ordinal) ?? Enumerable.Empty<KeyValuePair<string, ResultValue>>()
            select (operation, result);
        foreach (var (operation, result) in results)
        {
            var value = result.Value.Error ?? string.Join(", ", result.Value.Matches.Select(match => match is null ? "null" : $"\"{match.ReplaceLineEndings("\\n")}\""));
            _block.ResetWrittenCount();
            _block.Write(Encoding.UTF8.GetBytes($"{(_around.IsOutputTerminal ? _palette.Strong(operation.Id.Value) : operation.Id.Value)} "));
            SafeText.Write(Encoding.UTF8.GetBytes($"{result.Key} = {(value.Length == 0 ? "(no match)" : value)}"), _block);
            _block.Write("\n"u8);
            WriteBlock();
        }

        var took = _state.StartedAt is { } started ? $" in {Durations.Words(e.At - started)}" : "";
        Say(e.Outcome switch
        {
            RunOutcome.Succeeded => _palette.Good($"✓ job done{took}"),
            RunOutcome.Failed => _palette.Bad($"✗ job failed{took}. {e.Message}"),
            RunOutcome.Expired or RunOutcome.StoppedByClient => _palette.Doubtful($"■ {e.Message}"),
            RunOutcome.Lost => _palette.Bad($"✗ job lost{took}. {e.Message}"),
            RunOutcome.Refused => _palette.Bad($"✗ job refused. {e.Message}"),
            _ => throw new UnreachableException($"No words for {e.Outcome}."),
        });
    }

    private void Say(string line)
    {
        if (_live is null)
        {
            _around.Error.WriteLine(SafeText.Line(line));
        }
        else
        {
            _live.Above(() => _around.Error.WriteLine(SafeText.Line(line)));
        }
    }

    private string Name(OperationId id) => _palette.Operation(Index(id), _palette.IsOn ? id.Value.PadRight(_width) : id.Value);

    private int Index(OperationId id) => _prefixes.TryGetValue(id, out var known) ? known.Index : 0;

    private static string Ordinal(int number) => number switch
    {
        1 => "1st",
        2 => "2nd",
        3 => "3rd",
        _ => number.ToString(CultureInfo.InvariantCulture) + "th",
    };
}
