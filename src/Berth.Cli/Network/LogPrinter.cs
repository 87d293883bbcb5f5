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

    /// <summary>The operation whose lines are printed; null prints all.</summary>
    public OperationId? Only { get; init; }

    /// <summary>Opens the lines of a confidential job; null prints them as they come.</summary>
    public OpenedJob? Opened { get; init; }

    public StreamFilter Streams { get; init; }

    /// <summary>Lines before are left out.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Prints what there is, and with <paramref name="follow"/> what comes until the job has ended; then its exit code.</summary>
    public async Task<ExitCode> PrintAsync(MarketClient client, JobView job, bool follow, CancellationToken ct)
    {
        using var closed = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var last = 0L;
        JobEnded? end = null;
        while (end is null && (follow || last < job.LastEvent))
        {
            try
            {
                await foreach (var told in client.FollowAsync(job.Facts.Job, last, withLogs: true, closed.Token))
                {
                    var happened = Opened?.Open(told) ?? told;
                    last = happened.Sequence;
                    Show(happened, closed);
                    end = happened as JobEnded ?? end;
                    if (!follow && last >= job.LastEvent)
                    {
                        break;
                    }
                }
            }
            catch (MarketException cut) when (cut.IsTransient)
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
                _watcher ??= asJson ? new JsonWatcher(around.Output, closed.Cancel) : new TextWatcher(around, _run, closed.Cancel);
                _watcher.Wrote(written.Chunk.Operation, [.. written.Chunk.Unpack().Where(Wanted)]);
                break;
        }
    }

    private bool Wanted(LogLine line) => (From is null || line.At >= From) && Streams switch
    {
        StreamFilter.All => true,
        StreamFilter.Stdout => line.Stream == LogStream.Stdout,
        StreamFilter.Stderr => line.Stream == LogStream.Stderr,
        _ => throw new System.Diagnostics.UnreachableException("No such stream."),
    };
}
