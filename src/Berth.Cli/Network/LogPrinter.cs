using Berth.Cli.Commands;
using Berth.Cli.Rendering;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Node.Runs;
using Berth.Protocol;
using Berth.Protocol.Sealing;

namespace Berth.Cli.Network;

/// <summary>Prints the lines of a job's log, past and live ones the same way, through every cut of the connection.</summary>
internal sealed class LogPrinter(Surroundings around, bool asJson)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private IRunWatcher? _watcher;
    private RunState _run = RunState.Empty;

    // The last lines so far, as long as it is not known where the end is.
    private Queue<(OperationId Operation, LogLine Line)>? _held;

    /// <summary>The operation whose lines are printed; null prints all.</summary>
    public OperationId? Only { get; init; }

    /// <summary>Opens the lines of a confidential job; null prints them as they come.</summary>
    public OpenedJob? Opened { get; init; }

    public StreamFilter Streams { get; init; }

    /// <summary>Lines before are left out.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Lines from then on are left out.</summary>
    public DateTimeOffset? Before { get; init; }

    /// <summary>Of what there is when it begins, only so many lines from the end.</summary>
    public int? Tail { get; init; }

    /// <summary>The time each line was written stands before it.</summary>
    public bool HasTimes { get; init; }

    /// <summary>Prints what there is, and with <paramref name="follow"/> what comes until the job has ended; then its exit code.</summary>
    public async Task<ExitCode> PrintAsync(MarketClient client, JobView job, bool follow, CancellationToken ct)
    {
        using var closed = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var last = 0L;
        var lastHeard = around.Time.GetTimestamp();
        JobEnded? end = null;
        _held = Tail is null ? null : [];
        for (var (isPast, isDone) = (true, false); end is null && !isDone;)
        {
            try
            {
                // First what there is, whose end is known then; after that what comes.
                var wanted = new LogWish { Operation = Opened is null ? Only : null, Since = From, Tail = Tail, OnlySoFar = isPast };
                await foreach (var told in client.FollowAsync(job.Facts.Job, last, wanted, closed.Token))
                {
                    var happened = Opened?.Open(told) ?? told;
                    (last, lastHeard) = (happened.Sequence, around.Time.GetTimestamp());
                    Show(happened, closed);
                    end = happened as JobEnded ?? end;
                }

                ShowHeld(closed);
                (isDone, isPast) = (isPast && !follow, false);
            }
            catch (MarketException cut) when (cut.IsTransient && around.Time.GetElapsedTime(lastHeard) < JobFollower.GiveUpAfter)
            {
                await Task.Delay(Pause, around.Time, closed.Token);
            }
        }

        return !follow || end is null ? ExitCode.Success : ExitCodes.Of(end, _run);
    }

    private void Show(JobEvent happened, CancellationTokenSource closed)
    {
        switch (happened)
        {
            case RunReported told when RunEventJson.Read(System.Text.Encoding.UTF8.GetBytes(told.Event.GetRawText())) is { } runEvent:
                _run = runEvent is RunStarted ? RunState.Empty.After(runEvent) : _run.After(runEvent);
                break;
            case LogWritten written when Only is null || written.Chunk.Operation == Only:
                Show(written.Chunk.Operation, [.. written.Chunk.Unpack().Where(Wanted)], closed);
                break;
        }
    }

    private void Show(OperationId operation, IReadOnlyList<LogLine> lines, CancellationTokenSource closed)
    {
        if (_held is { } held)
        {
            foreach (var line in lines)
            {
                held.Enqueue((operation, line));
                while (held.Count > Tail)
                {
                    held.Dequeue();
                }
            }

            return;
        }

        _watcher ??= asJson ? new JsonWatcher(around.Output, closed.Cancel) : new TextWatcher(around, _run, closed.Cancel) { HasTimes = HasTimes };
        _watcher.Wrote(operation, lines);
    }

    private void ShowHeld(CancellationTokenSource closed)
    {
        if (_held is not { } held)
        {
            return;
        }

        _held = null;
        foreach (var (operation, line) in held)
        {
            Show(operation, [line], closed);
        }
    }

    private bool Wanted(LogLine line) => (From is null || line.At >= From) && (Before is null || line.At < Before) && Streams switch
    {
        StreamFilter.All => true,
        StreamFilter.Stdout => line.Stream == LogStream.Stdout,
        StreamFilter.Stderr => line.Stream == LogStream.Stderr,
        _ => throw new System.Diagnostics.UnreachableException("No such stream."),
    };
}
