using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>
/// Carries one container's log from the engine into the operation's file, past the result patterns and the watcher, each line once: after a
/// broken connection or a crash it resumes where the file ends.
/// </summary>
internal sealed class LogPump(OperationId operation, int index, RunScope scope, ResultSearch search) : IDisposable
{
    private readonly RunLog _log = RunLog.Open(scope.Folder.Log(index), line => Look(search, line));
    private bool _isFull;

    public long Lines => _log.Lines;

    /// <summary>Reads until the container has ended and all it wrote is in the file.</summary>
    /// <exception cref="EngineException">The engine went away and did not come back.</exception>
    public async Task DrainAsync(string container, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await ReadAsync(container, ct);
                return;
            }
            catch (EngineException away) when (away.Fault == EngineFault.Unreachable)
            {
                await scope.Outage.WaitUntilBackAsync(away, ct);
            }
        }
    }

    /// <summary>Adds a line of the node's own, such as why the operation failed.</summary>
    public void Say(string text)
    {
        LogLine[] line = [new(LogStream.Node, scope.Time.GetUtcNow(), System.Text.Encoding.UTF8.GetBytes(text))];
        Keep(line);
        _log.FlushToDisk();
    }

    /// <summary>Makes what is in the file survive the machine.</summary>
    public void FlushToDisk() => _log.FlushToDisk();

    public void Dispose() => _log.Dispose();

    private async Task ReadAsync(string container, CancellationToken ct)
    {
        _log.BeginReading();
        var since = _log.ResumeFrom;
        await foreach (var batch in scope.Engine.ReadLogsAsync(container, since, follow: true, scope.Request.Limits.LogLine, ct))
        {
            Keep(since is null ? batch : [.. batch.Where(line => !_log.HasAlready(line))]);
            _log.Flush();
        }
    }

    private void Keep(IReadOnlyList<LogLine> lines)
    {
        if (_isFull || lines.Count == 0)
        {
            return;
        }

        var kept = 0;
        foreach (var line in lines)
        {
            if (!scope.Logs.Take(line.Text.Length))
            {
                _isFull = true;
                break;
            }

            _log.Add(line);
            Look(search, line);
            kept++;
        }

        scope.Watcher.Wrote(operation, kept == lines.Count ? lines : [.. lines.Take(kept)]);
        if (_isFull)
        {
            LogLine mark = new(LogStream.Node, scope.Time.GetUtcNow(), "[berth: the run's log is full; what follows is left out]"u8.ToArray());
            _log.Add(mark);
            scope.Watcher.Wrote(operation, [mark]);
        }
    }

    private static void Look(ResultSearch search, in LogLine line)
    {
        if (search.Covers(line.Stream))
        {
            search.Search(line.Stream, System.Text.Encoding.UTF8.GetString(line.Text.Span) + "\n");
        }
    }
}
