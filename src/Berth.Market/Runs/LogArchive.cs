using System.Runtime.CompilerServices;
using Berth.Jobs;
using Berth.Market.Content;
using Berth.Market.Storage;

namespace Berth.Market.Runs;

/// <summary>
/// Puts the logs of ended runs to rest: the chunks of an operation one after another as one content object, which is the gzip file of its log; the rows then say where in it they are.
/// Two servers that do it at once write the same.
/// </summary>
internal sealed class LogArchive(Database database, ContentStore content)
{
    private const int RunsAtOnce = 8;
    private const int ChunksAtOnce = 16;

    /// <summary>Archives a few of the logs that wait for it.</summary>
    public async Task ArchiveAsync(CancellationToken ct)
    {
        foreach (var run in await database.ReadAsync(transaction => RunStore.ToArchiveAsync(transaction, RunsAtOnce, ct), ct))
        {
            foreach (var operation in run.LastLines.Keys)
            {
                await ArchiveAsync(run, new OperationId(operation), ct);
            }

            await database.WriteAsync(transaction => RunStore.ArchivedAsync(transaction, run.Run, ct), ct);
        }
    }

    private async Task ArchiveAsync(RunRow run, OperationId operation, CancellationToken ct)
    {
        var places = new List<(long Sequence, long Offset, int Length)>();
        var id = await SpoolFile.PutAsync(
            content,
            async file =>
            {
                await foreach (var chunk in ChunksAsync(run.Run, operation, ct))
                {
                    var (data, offset) = ((await chunk.LoadAsync(content, ct)).Chunk.Data, file.Position);
                    await file.WriteAsync(data, ct);
                    places.Add((chunk.Written.Sequence, offset, data.Length));
                }
            },
            ct);
        await database.WriteAsync(
            async transaction =>
            {
                foreach (var (sequence, offset, length) in places)
                {
                    await RunStore.RestAsync(transaction, run.Job, sequence, id, offset, length, ct);
                }
            },
            ct);
    }

    // A few at a time: a long log has no room in memory.
    private async IAsyncEnumerable<StoredChunk> ChunksAsync(RunId run, OperationId operation, [EnumeratorCancellation] CancellationToken ct)
    {
        for (var line = 0L; ;)
        {
            var chunks = await database.ReadAsync(transaction => RunStore.ChunksAfterAsync(transaction, run, operation, line, ChunksAtOnce, ct), ct);
            foreach (var chunk in chunks)
            {
                yield return chunk;
            }

            if (chunks.Count < ChunksAtOnce)
            {
                yield break;
            }

            line = chunks[^1].Written.Chunk.Last;
        }
    }
}
