using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Market.Content;
using Berth.Market.Storage;
using Berth.Protocol;

namespace Berth.Market.Runs;

/// <summary>Makes the result of a run (job-language.md 3.14) of its events and the end of its logs: of each operation at most its last 24,999 lines, and of all together at most 32 MiB of them.</summary>
internal static class RunResult
{
    private const long MostLogBytes = 32 << 20;

    public static async Task WriteAsync(Stream output, RunState state, RunRow run, Database database, ContentStore content, CancellationToken ct)
    {
        var most = MostLogBytes / Math.Max(1, run.LastLines.Count);
        var tails = new Dictionary<OperationId, LogTail>();
        foreach (var operation in state.Operations)
        {
            tails[operation.Id] = await TailAsync(run, operation.Id, most, database, content, ct);
        }

        RunResultWriter.Write(output, state, id => tails[id]);
    }

    private static async Task<LogTail> TailAsync(RunRow run, OperationId operation, long mostBytes, Database database, ContentStore content, CancellationToken ct)
    {
        var lines = run.LastLines.GetValueOrDefault(operation.Value);
        if (lines == 0)
        {
            return new LogTail([], 0);
        }

        var chunks = await database.ReadAsync(
            async transaction =>
            {
                var before = await RunStore.TailBeginsAfterAsync(transaction, run.Run, operation, Math.Max(0, lines - RunResultWriter.LogEntries), mostBytes, ct);
                return before == lines ? [] : await RunStore.ChunksAfterAsync(transaction, run.Run, operation, before, int.MaxValue, ct);
            },
            ct);
        var loaded = new List<LogChunk>();
        foreach (var chunk in chunks)
        {
            loaded.Add((await chunk.LoadAsync(content, ct)).Chunk);
        }

        var first = loaded.Count == 0 ? lines : loaded[0].First - 1;
        var leftOut = Math.Max(first, lines - RunResultWriter.LogEntries);
        return new LogTail(loaded.SelectMany(chunk => chunk.Unpack()).Skip((int)(leftOut - first)), leftOut);
    }
}
