using System.Text;
using Berth.Cli.Rendering;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Node.Runs;
using Berth.Protocol;
using Berth.Protocol.Sealing;

namespace Berth.Cli.Network;

/// <summary>How a follower shows the runs of a job.</summary>
internal enum Showing
{
    /// <summary>As <c>berth run</c> shows them.</summary>
    Text,

    /// <summary>The market's events, one JSON object a line.</summary>
    Json,

    /// <summary>Nothing but what the job itself goes through.</summary>
    Quiet,
}

/// <summary>
/// Stays with a job on its market until it has ended, through every cut of the connection: what was shown is not shown again, nothing is left out.
/// </summary>
internal sealed class JobFollower(Surroundings around, MarketClient client, JobId job, Showing showing)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan GiveUpAfter = TimeSpan.FromMinutes(10);
    private readonly Palette _palette = new(around.IsErrorTerminal && around.HasColour);
    private IRunWatcher? _watcher;
    private RunState _run = RunState.Empty;
    private long _last;

    /// <summary>The operations whose lines are shown; null shows all.</summary>
    public OperationId? Only { get; init; }

    /// <summary>Opens the events of a confidential job; null shows them as they come.</summary>
    public OpenedJob? Opened { get; init; }

    /// <summary>Shows everything from the beginning, then what happens, and gives the job's exit code.</summary>
    /// <exception cref="MarketException">The server refuses, or stays away for minutes.</exception>
    public async Task<ExitCode> FollowAsync(CancellationToken ct)
    {
        using var closed = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var pause = FirstPause;
        var lastHeard = around.Time.GetTimestamp();
        JobEnded? end = null;
        while (end is null)
        {
            try
            {
                await foreach (var told in client.FollowAsync(job, _last, withLogs: showing != Showing.Quiet, closed.Token))
                {
                    var happened = Opened?.Open(told) ?? told;
                    (_last, pause, lastHeard) = (happened.Sequence, FirstPause, around.Time.GetTimestamp());
                    Show(happened, closed);
                    end = happened as JobEnded ?? end;
                }
            }
            catch (MarketException cut) when (cut.IsTransient && around.Time.GetElapsedTime(lastHeard) < GiveUpAfter)
            {
                if (pause == FirstPause * 8)
                {
                    Say(_palette.Doubtful($"waiting for the server: {cut.Message}"));
                }
            }

            if (end is null)
            {
                await Task.Delay(pause, around.Time, closed.Token);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }

        return ExitCodes.Of(end, _run);
    }

    private void Show(JobEvent happened, CancellationTokenSource closed)
    {
        if (happened is RunReported told && RunEventJson.Read(Encoding.UTF8.GetBytes(told.Event.GetRawText())) is { } runEvent)
        {
            _run = runEvent is RunStarted ? RunState.Empty.After(runEvent) : _run.After(runEvent);
        }

        switch (showing)
        {
            case Showing.Json:
                ShowJson(happened);
                break;
            case Showing.Text:
                ShowText(happened, closed);
                break;
            case Showing.Quiet:
                Tell(happened);
                break;
        }
    }

    private void ShowJson(JobEvent happened)
    {
        if (happened is LogWritten written)
        {
            if (Only is null || written.Chunk.Operation == Only)
            {
                (_watcher ??= new JsonWatcher(around.Output, () => { })).Wrote(written.Chunk.Operation, written.Chunk.Unpack());
            }

            return;
        }

        around.Output.Write(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(happened, WireJson.Answers.JobEvent));
        around.Output.WriteByte((byte)'\n');
    }

    private void ShowText(JobEvent happened, CancellationTokenSource closed)
    {
        switch (happened)
        {
            case RunReported told when RunEventJson.Read(Encoding.UTF8.GetBytes(told.Event.GetRawText())) is { } runEvent:
                if (runEvent is RunStarted || _watcher is null)
                {
                    _watcher = new TextWatcher(around, RunState.Empty, closed.Cancel);
                }

                _watcher.Happened(runEvent);
                break;
            case LogWritten written when Only is null || written.Chunk.Operation == Only:
                (_watcher ??= new TextWatcher(around, _run, closed.Cancel)).Wrote(written.Chunk.Operation, written.Chunk.Unpack());
                break;
            default:
                Tell(happened);
                break;
        }
    }

    private void Tell(JobEvent happened)
    {
        switch (happened)
        {
            case JobPosted e:
                Say(_palette.Quiet($"job {job} queued in {e.Market}, {e.Deposit} NOS deposited"));
                break;
            case JobLeased e:
                Say(_palette.Quiet(e.Attempt > 1 ? $"node {e.Node} takes it, attempt {e.Attempt}" : $"node {e.Node} takes it"));
                break;
            case JobRequeued e:
                _watcher = null;
                Say(_palette.Doubtful($"back in the queue: {e.Reason}"));
                break;
            case JobExtended e:
                Say(_palette.Quiet($"may now take {Printed.Span(e.TimeoutSeconds)}, {e.Deposit} NOS deposited"));
                break;
            case JobStopping:
                Say(_palette.Doubtful("its owner stops it"));
                break;
            case JobEnded e:
                Say($"{(e.Outcome == JobOutcome.Succeeded ? _palette.Good(Printed.Words(e.Outcome)) : _palette.Bad(Printed.Words(e.Outcome)))}, cost {e.Cost} NOS, {e.Refund} NOS back{(e.Message is { } why ? $". {why}" : "")}");
                if (_run.Operations.Any(operation => !operation.Artefacts.IsEmpty))
                {
                    Say(_palette.Quiet($"bring back what it left behind: berth job download {job}"));
                }

                break;
        }
    }

    private void Say(string line)
    {
        if (showing != Showing.Json)
        {
            around.Error.WriteLine(SafeText.Line(line));
        }
    }
}
