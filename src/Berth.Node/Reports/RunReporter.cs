using System.Collections.Immutable;
using System.Text.Json;
using System.Threading.Channels;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Node.Leases;
using Berth.Node.Runs;
using Berth.Node.Work;
using Berth.Protocol;

namespace Berth.Node.Reports;

/// <summary>How the reporting of a run came to its end.</summary>
internal enum Delivery
{
    /// <summary>The market has all of it and has accounted for it.</summary>
    Settled,

    /// <summary>The market says that the run is no longer this node's.</summary>
    Refused,
}

/// <summary>
/// Brings a run's events and log lines to the market. The files of the run are the buffer: what the market has not acknowledged is read from them again, so nothing is kept
/// in memory however long the server is away, and a process that goes on after another's death loses and repeats nothing.
/// </summary>
internal sealed class RunReporter : IRunWatcher
{
    private const int MostEvents = 1000;
    private const int MostBytes = 4 << 20;
    private const int LargestResult = 20 << 20;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan SettlingPace = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly NodeScope _scope;
    private readonly Lease _lease;
    private readonly RunFolder _folder;
    private readonly ServerPatience.Pauses _pauses;
    private readonly JournalTail _journal;
    private readonly List<LogPacker> _logs = [];

    /// <summary>Says that there is something new in the files. One such word is enough, however much is new.</summary>
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private byte[] _buffer = [];
    private RunState? _end;
    private int _turn;

    public RunReporter(Lease lease, RunFolder folder, NodeScope scope)
    {
        (_lease, _folder, _scope) = (lease, folder, scope);
        _journal = new JournalTail(folder);
        _pauses = scope.Server.Begin();
    }

    /// <summary>The run's end was read from its journal: it is being reported, and whoever executes the run is done in a moment.</summary>
    public bool HasReadEnd => _journal.HasEnd;

    public void Happened(RunEvent happened)
    {
        if (happened is RunEnded)
        {
            _ended.TrySetResult();
        }

        _news.Writer.TryWrite(true);
    }

    public void Wrote(OperationId operation, IReadOnlyList<LogLine> lines) => _news.Writer.TryWrite(true);

    /// <summary>Nothing more will happen in the run. An end that could not be written, the disk being full, is reported all the same.</summary>
    public void RunHasEnded(RunState end)
    {
        _end = end;
        _ended.TrySetResult();
        _news.Writer.TryWrite(true);
    }

    /// <summary>How far the market has the run; null when it says that the run is not this node's.</summary>
    public async Task<RunReceipt?> AskAsync(CancellationToken silenced) => await SendAsync(new RunReport { Fence = _lease.Fence }, silenced);

    /// <summary>
    /// Reports until the market has settled the run: at once when something comes after a quiet time, then a few times a second. With <paramref name="isNew"/> nobody
    /// can have reported anything yet.
    /// </summary>
    public async Task<Delivery> DeliverAsync(bool isNew, CancellationToken silenced)
    {
        var receipt = isNew ? new RunReceipt { LastEvent = 0, LastLines = ImmutableDictionary<string, long>.Empty } : await AskAsync(silenced);
        while (receipt is not null)
        {
            if (receipt.IsSettled)
            {
                return Delivery.Settled;
            }

            var (report, isMore) = Take(receipt);
            if (report is null && (_journal.HasEnd || receipt.LastEvent > _journal.Number))
            {
                // The market has everything and still has to account for it.
                await Task.Delay(SettlingPace, _scope.Time, silenced);
                receipt = await AskAsync(silenced);
                continue;
            }

            if (report is null)
            {
                _buffer = [];
                await _news.Reader.ReadAsync(silenced);
                continue;
            }

            var began = _scope.Time.GetTimestamp();
            receipt = await SendAsync(report, silenced);
            if (!isMore && _scope.Time.GetElapsedTime(began) is var took && took < Pace)
            {
                await Task.WhenAny(_ended.Task, Task.Delay(Pace - took, _scope.Time, silenced));
                silenced.ThrowIfCancellationRequested();
            }
        }

        return Delivery.Refused;
    }

    // Events are read before lines: then all the lines that were written before an event are in the files when it is reported.
    private (RunReport? Report, bool IsMore) Take(RunReceipt receipt)
    {
        _journal.GoAfter(receipt.LastEvent);
        var entries = _journal.Peek(MostEvents, MostBytes);
        AddLogs(receipt);
        var (chunks, left, behind) = Pack(MostBytes - entries.Sum(entry => entry.Size));
        var ready = entries.TakeWhile(entry => entry.Known switch
        {
            OperationEnded ended => !behind.Contains(ended.Operation),
            RunEnded => behind.IsEmpty,
            _ => true,
        }).Select(entry => entry.Event).ToImmutableArray();
        if (entries.Count == 0 && behind.IsEmpty && _end is { IsEnded: true } end && !_journal.HasEnd && receipt.LastEvent <= _journal.Number)
        {
            ready = [Unwritten(end)];
        }

        if (ready.IsEmpty && chunks.IsEmpty)
        {
            return (null, false);
        }

        var hasEnd = ready.Length == entries.Count ? entries is [.., { Known: RunEnded }] : ready.Length > entries.Count;
        return (new RunReport { Fence = _lease.Fence, Events = ready, Logs = chunks, Result = hasEnd ? SealedResult() : null }, left);
    }

    // Of other jobs the market makes it; of a confidential one nobody there can.
    private byte[]? SealedResult()
    {
        if (_folder.Seal is not { } seal)
        {
            return null;
        }

        var state = RunState.Of(RunJournal.Read(_folder.Journal, _folder.Seal));
        var places = state.Operations.Select((operation, index) => (operation.Id, index)).ToDictionary(place => place.Id, place => place.index);
        for (var most = RunResultWriter.LogEntries; ; most /= 2)
        {
            var result = new MemoryStream();
            RunResultWriter.Write(result, state, id => RunLog.Tail(_folder.Log(places[id]), most, _folder.LogSeal(places[id])));
            if (result.Length <= LargestResult || most == 0)
            {
                return seal.SealResult(result.GetBuffer().AsSpan(0, (int)result.Length));
            }
        }
    }

    private void AddLogs(RunReceipt receipt)
    {
        for (var index = _logs.Count; index < _journal.Operations.Length; index++)
        {
            _logs.Add(new LogPacker(_journal.Operations[index].Id, _folder.Log(index), _folder.Seal is { } seal ? new SealedLog(seal, _folder.LogSeal(index)!, index) : null));
        }

        foreach (var log in _logs)
        {
            log.GoAfter(receipt.LastLines.GetValueOrDefault(log.NameOnWire));
        }
    }

    // Each time another operation's log is the first, so that one that writes without end does not keep the others from being heard.
    private (ImmutableArray<LogChunk> Chunks, bool IsMore, ImmutableHashSet<OperationId> Behind) Pack(int most)
    {
        var chunks = ImmutableArray.CreateBuilder<LogChunk>();
        var behind = ImmutableHashSet.CreateBuilder<OperationId>();

        // One chunk more, however large, is still within what a report may unpack to.
        var room = RunReport.MostUnpacked - LogChunk.LargestSize;
        for (var count = 0; count < _logs.Count; count++)
        {
            var log = _logs[(_turn + count) % _logs.Count];
            while (most > 0 && room > 0 && log.Next(ref _buffer) is { } chunk)
            {
                most -= chunk.Data.Length;
                room -= chunk.Size;
                chunks.Add(chunk);
            }

            if ((most <= 0 || room <= 0) && log.HasMore)
            {
                behind.Add(log.Operation);
            }
        }

        _turn = _logs.Count == 0 ? 0 : (_turn + 1) % _logs.Count;
        return (chunks.ToImmutable(), behind.Count > 0, behind.ToImmutable());
    }

    private JsonElement Unwritten(RunState end)
    {
        var last = new RunEnded(end.Outcome!.Value) { Number = _journal.Number + 1, At = end.EndedAt ?? _scope.Time.GetUtcNow(), Message = end.Message };
        using var written = JsonDocument.Parse(RunEventJson.Write(last));
        return _folder.Seal?.Seal(written.RootElement) ?? written.RootElement.Clone();
    }

    private async Task<RunReceipt?> SendAsync(RunReport report, CancellationToken silenced)
    {
        while (true)
        {
            using var late = new CancellationTokenSource(Patience, _scope.Time);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(late.Token, silenced);
            try
            {
                var receipt = await _scope.Client.ReportAsync(_lease.Run, report, limit.Token);
                _pauses.Over();
                return receipt;
            }
            catch (MarketException no) when (no.TakesTheRunAway)
            {
                return null;
            }
            catch (MarketException wrong) when (wrong.Code is ProblemTypes.BadRequest or ProblemTypes.TooLarge)
            {
                // It will never take it; the lease lapses, and the job is tried again.
                _scope.Log.Say($"The market does not take what is reported of job {_lease.Job}. {wrong.Message}");
                return null;
            }
            catch (MarketException away)
            {
                await _pauses.WaitAsync(away.Message, silenced);
            }
            catch (OperationCanceledException) when (!silenced.IsCancellationRequested)
            {
                await _pauses.WaitAsync("It did not take a report in time.", silenced);
            }
        }
    }
}
