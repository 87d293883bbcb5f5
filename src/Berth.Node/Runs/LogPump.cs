using System.Text;
using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>
/// Carries one container's log from the engine into the operation's file, past the result patterns and the watcher, each line once: after a
/// broken connection or a crash it resumes where the file ends.
/// </summary>
internal sealed class LogPump : IDisposable
{
    private const string FullMark = "[berth: the run's log is full; what follows is left out]";
    private readonly OperationId _operation;
    private readonly RunScope _scope;
    private readonly ResultSearch _search;
    private readonly RunLog _log;
    private readonly HashSet<string> _said = [];
    private bool _isFull;

    public LogPump(OperationId operation, int index, RunScope scope, ResultSearch search)
    {
        (_operation, _scope, _search) = (operation, scope, search);
        _log = RunLog.Open(scope.Folder.Log(index), Remember, scope.Folder.LogSeal(index));
        scope.Logs.Take(_log.TextBytes);
        _isFull = _said.Contains(FullMark);
    }

    public long Lines => _log.Lines;

    /// <summary>Reads until all the container wrote is in the file; one that still runs is followed to its end.</summary>
    /// <exception cref="EngineException">The engine went away and did not come back.</exception>
    public async Task DrainAsync(string container, bool follow, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await ReadAsync(container, follow, ct);
                _log.MarkWhole();
                return;
            }
            catch (EngineException away) when (away.Fault == EngineFault.Unreachable)
            {
                await _scope.Outage.WaitUntilBackAsync(away, ct);
            }
        }
    }

    /// <summary>Adds a line of the node's own, such as why the operation failed; one that is there already is not said again.</summary>
    public void Say(string text)
    {
        var words = text.ReplaceLineEndings(" ");
        if (_said.Add(words))
        {
            LogLine[] line = [new(LogStream.Node, _scope.Time.GetUtcNow(), Encoding.UTF8.GetBytes(words))];
            Keep(line);
            _log.FlushToDisk();
        }
    }

    /// <summary>Makes what is in the file survive the machine.</summary>
    public void FlushToDisk() => _log.FlushToDisk();

    public void Dispose() => _log.Dispose();

    private async Task ReadAsync(string container, bool follow, CancellationToken ct)
    {
        _log.BeginReading();
        var isFresh = _log.Lines == 0;
        await foreach (var batch in _scope.Engine.ReadLogsAsync(container, _log.ResumeFrom, follow, _scope.Request.Limits.LogLine, ct))
        {
            Keep(isFresh ? batch : [.. batch.Where(line => !_log.HasAlready(line))]);
        }
    }

    private void Keep(IReadOnlyList<LogLine> lines)
    {
        if (_isFull || lines.Count == 0)
        {
            return;
        }

        var kept = new List<LogLine>(lines.Count);
        foreach (var written in lines)
        {
            // The place in the engine's log is told by times and counts, which stay.
            var line = written with { Text = _scope.Request.Secrets.Mask.Apply(written.Text, isCut: written.LeftOut > 0) };
            if (!_scope.Logs.Take(line.Text.Length))
            {
                _isFull = true;
                break;
            }

            _log.Add(line);
            Look(line);
            kept.Add(line);
        }

        _log.Flush();
        _scope.Watcher.Wrote(_operation, kept);
        if (_isFull)
        {
            LogLine mark = new(LogStream.Node, _scope.Time.GetUtcNow(), Encoding.UTF8.GetBytes(FullMark));
            _log.Add(mark);
            _log.Flush();
            _scope.Watcher.Wrote(_operation, [mark]);
        }
    }

    private void Remember(LogLine line)
    {
        Look(line);
        if (line.Stream == LogStream.Node)
        {
            _said.Add(Encoding.UTF8.GetString(line.Text.Span));
        }
    }

    private void Look(in LogLine line)
    {
        if (_search.Covers(line.Stream))
        {
            _search.Search(line.Stream, Encoding.UTF8.GetString(line.Text.Span) + line.CutMark + "\n");
        }
    }
}
