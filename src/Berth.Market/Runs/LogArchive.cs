using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Berth.Jobs;
using Berth.Market.Content;
using Berth.Market.Storage;
using Microsoft.Extensions.Logging;

namespace Berth.Market.Runs;

/// <summary>
/// Puts the logs of ended runs to rest: the chunks of an operation one after another as one content object, which is the gzip file of its log; the rows then say where in it they are.
/// Two servers that do it at once write the same.
/// </summary>
internal sealed partial class LogArchive(Database database, ContentStore content, ILogger<LogArchive> logger)
{
    private const int RunsAtOnce = 8;
    private const int ChunksAtOnce = 16;
    private const int RowsAtOnce = 200;

    // What could not be archived is not tried again before the next start, and keeps nothing else from it.
    private readonly ConcurrentDictionary<RunId, bool> _spoiled = [];

    /// <summary>Archives a few of the logs that wait for it.</summary>
    public async Task ArchiveAsync(CancellationToken ct)
    {
        foreach (var run in await database.ReadAsync(transaction => RunStore.ToArchiveAsync(transaction, RunsAtOnce + _spoiled.Count, ct), ct))
        {
            if (_spoiled.ContainsKey(run.Run))
            {
                continue;
            }

            try
            {
                foreach (var operation in run.LastLines.Keys)
                {
                    await ArchiveAsync(run, new OperationId(operation), ct);
                }

                await database.WriteAsync(transaction => RunStore.ArchivedAsync(transaction, run.Run, ct), ct);
            }
            catch (Exception fault) when (fault is not (OperationCanceledException or StorageException))
            {
                _spoiled[run.Run] = true;
                LogSpoiled(run.Run, fault);
            }
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

        // A few rows at a time, so that nobody waits long to write.
        foreach (var some in places.Chunk(RowsAtOnce))
        {
            await database.WriteAsync(
                async transaction =>
                {
                    foreach (var (sequence, offset, length) in some)
                    {
                        await RunStore.RestAsync(transaction, run.Job, sequence, id, offset, length, ct);
                    }
                },
                ct);
        }
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

    [LoggerMessage(LogLevel.Error, "The log of run {Run} cannot be archived; it stays in the database")]
    private partial void LogSpoiled(RunId run, Exception fault);
}
