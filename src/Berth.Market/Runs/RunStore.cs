using System.Collections.Immutable;
using System.Text.Json;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Market.Content;
using Berth.Market.Jobs;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Runs;

/// <summary>An attempt as its row has it.</summary>
internal sealed record RunRow(RunId Run, Address Node, long Fence, long LastNumber, string? Outcome);

/// <summary>Keeps how far each run's reports have come, and its log.</summary>
internal static class RunStore
{
    public static Task<RunRow?> FindAsync(Transaction transaction, RunId run, CancellationToken ct) => transaction.FirstAsync(
        "select * from runs where run = @run",
        row => new RunRow(run, new Address(row.Text("node")), row.Long("fence"), row.Long("last_number"), row.TextOrNull("outcome")),
        ct,
        ("run", run.Value));

    public static Task AdvanceAsync(Transaction transaction, RunId run, long lastNumber, CancellationToken ct) =>
        transaction.ExecuteAsync("update runs set last_number = @last where run = @run", ct, ("last", lastNumber), ("run", run.Value));

    /// <summary>The number of the last line there is of each operation.</summary>
    public static async Task<ImmutableDictionary<string, long>> LastLinesAsync(Transaction transaction, RunId run, CancellationToken ct)
    {
        var lines = await transaction.ListAsync(
            "select operation, max(last_line) as last from log_chunks where run = @run group by operation",
            row => KeyValuePair.Create(row.Text("operation"), row.Long("last")),
            ct,
            ("run", run.Value));
        return lines.ToImmutableDictionary();
    }

    public static Task<long> LogBytesAsync(Transaction transaction, RunId run, CancellationToken ct) =>
        transaction.ScalarAsync<long>("select coalesce(sum(size), 0) from log_chunks where run = @run", ct, ("run", run.Value));

    /// <summary>Whether the last event of the run that is stored says that it is over.</summary>
    public static async Task<bool> HasEndedAsync(Transaction transaction, Job job, RunId run, long last, CancellationToken ct) =>
        last > 0 && (await StateAsync(transaction, job, run, ct)).IsEnded;

    /// <summary>The fold of the run's events.</summary>
    public static async Task<RunState> StateAsync(Transaction transaction, Job job, RunId run, CancellationToken ct)
    {
        var state = RunState.Empty;
        var bodies = transaction.StreamAsync("select body from job_events where job_id = @job order by sequence", row => row.Text("body"), ct, ("job", job.Number));
        await foreach (var body in bodies)
        {
            if (JsonSerializer.Deserialize(body, WireJson.Answers.JobEvent) is RunReported told && told.Run == run
                && RunEventJson.Read(System.Text.Encoding.UTF8.GetBytes(told.Event.GetRawText())) is { } happened)
            {
                state = state.After(happened);
            }
        }

        return state;
    }

    /// <summary>Stores a chunk under the job's sequence.</summary>
    public static Task InsertChunkAsync(Transaction transaction, long job, LogWritten written, CancellationToken ct) => transaction.ExecuteAsync(
        """
        insert into log_chunks (job_id, sequence, at, run, attempt, operation, first_line, last_line, size, data)
        values (@job, @sequence, @at, @run, @attempt, @operation, @first, @last, @size, @data)
        """,
        ct,
        ("job", job),
        ("sequence", written.Sequence),
        ("at", written.At.Micro()),
        ("run", written.Run.Value),
        ("attempt", written.Attempt),
        ("operation", written.Chunk.Operation.Value),
        ("first", written.Chunk.First),
        ("last", written.Chunk.Last),
        ("size", written.Chunk.Size),
        ("data", written.Chunk.Data));

    /// <summary>The job's chunks after the sequence, without what rests as content.</summary>
    public static Task<List<StoredChunk>> ChunksAsync(Transaction transaction, long job, long after, int most, CancellationToken ct) =>
        transaction.ListAsync("select * from log_chunks where job_id = @job and sequence > @after order by sequence limit @most", Read, ct, ("job", job), ("after", after), ("most", most));

    /// <summary>The last chunks of an operation, newest first, that together have the lines asked for.</summary>
    public static async Task<List<StoredChunk>> LastChunksAsync(Transaction transaction, RunId run, OperationId operation, long lines, CancellationToken ct)
    {
        var last = await transaction.ScalarAsync<long?>(
            "select max(last_line) from log_chunks where run = @run and operation = @operation", ct, ("run", run.Value), ("operation", operation.Value)) ?? 0;
        return await transaction.ListAsync(
            "select * from log_chunks where run = @run and operation = @operation and last_line > @from order by last_line",
            Read,
            ct,
            ("run", run.Value),
            ("operation", operation.Value),
            ("from", Math.Max(0, last - lines)));
    }

    private static StoredChunk Read(System.Data.Common.DbDataReader row)
    {
        var written = new LogWritten(
            new RunId(row.Text("run")),
            row.Int("attempt"),
            new LogChunk(new OperationId(row.Text("operation")), row.Long("first_line"), row.Long("last_line"), (int)row.Long("size"), row.BytesOrNull("data") ?? []))
        {
            Sequence = row.Long("sequence"),
            At = row.Moment("at"),
        };
        return new StoredChunk(written, row.TextOrNull("content"), row.LongOrNull("content_at") ?? 0, (int)(row.LongOrNull("content_length") ?? 0));
    }
}

/// <summary>A chunk as its row has it; where <paramref name="Content"/> is set the data rests there.</summary>
internal sealed record StoredChunk(LogWritten Written, string? Content, long Offset, int Length)
{
    /// <summary>The chunk with its data.</summary>
    public async Task<LogWritten> LoadAsync(ContentStore content, CancellationToken ct) => Content is null
        ? Written
        : Written with { Chunk = Written.Chunk with { Data = await content.ReadAsync(ContentId.Parse(Content, null), Offset, Length, ct) } };
}
