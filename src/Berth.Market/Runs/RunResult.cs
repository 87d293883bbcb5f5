using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Market.Content;
using Berth.Market.Storage;
using Berth.Protocol;

namespace Berth.Market.Runs;

/// <summary>Makes the result of a run (job-language.md 3.14) of its events and the end of its logs.</summary>
internal static class RunResult
{
    public static async Task WriteAsync(Stream output, RunState state, RunId run, Database database, ContentStore content, CancellationToken ct)
    {
        var tails = new Dictionary<OperationId, LogTail>();
        foreach (var operation in state.Operations)
        {
            tails[operation.Id] = await TailAsync(run, operation.Id, database, content, ct);
        }

        RunResultWriter.Write(output, state, id => tails[id]);
    }

    private static async Task<LogTail> TailAsync(RunId run, OperationId operation, Database database, ContentStore content, CancellationToken ct)
    {
        var chunks = await database.ReadAsync(transaction => RunStore.LastChunksAsync(transaction, run, operation, RunResultWriter.LogEntries, ct), ct);
        if (chunks.Count == 0)
        {
            return new LogTail([], 0);
        }

        var loaded = new List<LogChunk>();
        foreach (var chunk in chunks)
        {
            loaded.Add((await chunk.LoadAsync(content, ct)).Chunk);
        }

        var leftOut = Math.Max(0, loaded[^1].Last - RunResultWriter.LogEntries);
        return new LogTail(loaded.SelectMany(chunk => chunk.Unpack()).Skip((int)(leftOut - (loaded[0].First - 1))), leftOut);
    }
}
