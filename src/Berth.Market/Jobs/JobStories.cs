using System.Runtime.CompilerServices;
using Berth.Jobs;
using Berth.Market.Content;
using Berth.Market.Runs;
using Berth.Market.Storage;
using Berth.Protocol;

namespace Berth.Market.Jobs;

/// <summary>The events of a job, past and to come, in the one order that everybody sees.</summary>
internal sealed class JobStories(Database database, ContentStore content)
{
    private const int EventsAtOnce = 500;
    private const int ChunksAtOnce = 16;
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Events after the sequence, then new ones as they happen, until the job has ended and everything was told. Null comes now and then when nothing happens, for the
    /// connection to be kept alive.
    /// </summary>
    public async IAsyncEnumerable<JobEvent?> FollowAsync(JobId id, long after, LogWish? logs, [EnumeratorCancellation] CancellationToken ct)
    {
        using var waiter = database.Wakeups.Listen(JobStore.EventsKey(id));
        var from = logs?.Tail is { } tail ? await database.ReadAsync(transaction => TailAsync(transaction, id, logs.Operation, tail, ct), ct) : 0;
        while (true)
        {
            var (events, chunks, ended) = await database.ReadAsync(transaction => ReadAsync(transaction, id, after, Math.Max(after, from), logs, ct), ct);

            // Where one kind was cut off at its limit, the other must not run ahead.
            var until = Math.Min(
                events.Count == EventsAtOnce ? events[^1].Sequence : long.MaxValue,
                chunks.Count == ChunksAtOnce ? chunks[^1].Written.Sequence : long.MaxValue);
            var next = events.Select(happened => (happened.Sequence, Event: (JobEvent?)happened, Chunk: (StoredChunk?)null))
                .Concat(chunks.Select(chunk => (chunk.Written.Sequence, Event: (JobEvent?)null, Chunk: (StoredChunk?)chunk)))
                .Where(one => one.Sequence <= until)
                .OrderBy(one => one.Sequence);
            var any = false;
            foreach (var (sequence, happened, chunk) in next)
            {
                any = true;
                after = sequence;
                yield return happened ?? await chunk!.LoadAsync(content, ct);
            }

            if (any)
            {
                continue;
            }

            if (ended || logs is { OnlySoFar: true })
            {
                yield break;
            }

            await waiter.WaitAsync(LookAgain, ct);
            yield return null;
        }
    }

    private static async Task<long> TailAsync(Transaction transaction, JobId id, OperationId? operation, int lines, CancellationToken ct) =>
        await JobStore.FindAsync(transaction, id, ct) is { } job ? await RunStore.TailAsync(transaction, job.Number, operation, lines, ct) : 0;

    private static async Task<(List<JobEvent>, List<StoredChunk>, bool)> ReadAsync(Transaction transaction, JobId id, long after, long chunksAfter, LogWish? logs, CancellationToken ct)
    {
        var job = await JobStore.FindAsync(transaction, id, ct) ?? throw RefusedException.NotFound($"There is no job {id} here.");
        return (
            await JobStore.EventsAsync(transaction, job.Number, after, EventsAtOnce, ct),
            logs is not null && !job.IsForgotten ? await RunStore.ChunksAsync(transaction, job.Number, chunksAfter, logs, ChunksAtOnce, ct) : [],
            job.IsEnded);
    }
}
