using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Market.Content;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Runs;

/// <summary>An attempt as its row has it: whose it is, and how far its reports have come.</summary>
internal sealed record RunRow
{
    public required RunId Run { get; init; }

    public required long Job { get; init; }

    public required Address Node { get; init; }

    public required long Fence { get; init; }

    /// <summary>The number of the last event.</summary>
    public required long LastNumber { get; init; }

    /// <summary>The number of the last line of each operation.</summary>
    public required ImmutableDictionary<string, long> LastLines { get; init; }

    /// <summary>Of all its events and lines.</summary>
    public required long Bytes { get; init; }

    /// <summary>Its last event is there; what remains is to settle it.</summary>
    public required bool IsOver { get; init; }

    /// <summary>Content id of the sealed result that the node of a confidential job made.</summary>
    public string? Result { get; init; }

    /// <summary>How it ended; null while it has not.</summary>
    public string? Outcome { get; init; }
}

/// <summary>Keeps how far each run's reports have come, and its log.</summary>
internal static class RunStore
{
    // A chunk has the market's time of its arrival, its lines the node's.
    private static readonly TimeSpan NodeClocksOff = TimeSpan.FromMinutes(5);

    public static Task<RunRow?> FindAsync(Transaction transaction, RunId run, CancellationToken ct) =>
        transaction.FirstAsync("select * from runs where run = @run", ReadRun, ct, ("run", run.Value));

    /// <summary>Notes how far the run has come.</summary>
    public static void Advance(Transaction transaction, RunRow run) => transaction.ExecuteLater(
        "update runs set last_number = @last, last_lines = @lines, bytes = @bytes, is_over = @over, result = @result where run = @run",
        $"There is no row of run {run.Run}.",
        ("last", run.LastNumber),
        ("lines", JsonSerializer.Serialize(run.LastLines)),
        ("bytes", run.Bytes),
        ("over", run.IsOver ? 1 : 0),
        ("result", run.Result),
        ("run", run.Run.Value));

    /// <summary>Ended runs whose logs are not at rest yet, the longest ended first.</summary>
    public static Task<List<RunRow>> ToArchiveAsync(Transaction transaction, int most, CancellationToken ct) => transaction.ListAsync(
        "select * from runs where ended_at is not null and is_archived = 0 and last_lines <> '{}' order by ended_at limit @most", ReadRun, ct, ("most", most));

    /// <summary>The run's logs are at rest.</summary>
    public static Task ArchivedAsync(Transaction transaction, RunId run, CancellationToken ct) =>
        transaction.ExecuteAsync("update runs set is_archived = 1 where run = @run", ct, ("run", run.Value));

    /// <summary>Where in the content object a chunk is from now on.</summary>
    /// <summary>How many leases of the job no node accepted.</summary>
    public static async Task<long> UnacceptedAsync(Transaction transaction, Jobs.Job job, CancellationToken ct) =>
        await transaction.ScalarAsync<long>("select count(*) from runs where job_id = @job", ct, ("job", job.Number)) - job.Attempt;

    public static Task RestAsync(Transaction transaction, long job, long sequence, ContentId content, long offset, int length, CancellationToken ct) => transaction.ExecuteAsync(
        "update log_chunks set content = @content, content_at = @offset, content_length = @length, data = null where job_id = @job and sequence = @sequence",
        ct,
        ("content", content.ToString()),
        ("offset", offset),
        ("length", length),
        ("job", job),
        ("sequence", sequence));

    /// <summary>The fold of the run's events.</summary>
    public static async Task<RunState> StateAsync(Transaction transaction, RunRow run, CancellationToken ct)
    {
        var state = RunState.Empty;
        var bodies = transaction.StreamAsync("select body from job_events where job_id = @job order by sequence", row => row.Text("body"), ct, ("job", run.Job));
        await foreach (var body in bodies)
        {
            if (JsonSerializer.Deserialize(body, WireJson.Answers.JobEvent) is RunReported told && told.Run == run.Run
                && RunEventJson.Read(System.Text.Encoding.UTF8.GetBytes(told.Event.GetRawText())) is { } happened)
            {
                state = state.After(happened);
            }
        }

        return state;
    }

    /// <summary>Stores a chunk under the job's sequence.</summary>
    public static void InsertChunk(Transaction transaction, long job, LogWritten written) => transaction.ExecuteLater(
        """
        insert into log_chunks (job_id, sequence, at, run, attempt, operation, first_line, last_line, size, data)
        values (@job, @sequence, @at, @run, @attempt, @operation, @first, @last, @size, @data)
        """,
        null,
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

    /// <summary>The job's chunks after the sequence that may have what is wanted, without what rests as content.</summary>
    public static Task<List<StoredChunk>> ChunksAsync(Transaction transaction, long job, long after, LogWish wish, int most, CancellationToken ct) => transaction.ListAsync(
        $"select * from log_chunks where job_id = @job and sequence > @after {Of(wish.Operation)} {(wish.Since is null ? "" : "and at >= @since")} order by sequence limit @most",
        Read,
        ct,
        [
            ("job", job),
            ("after", after),
            ("most", most),
            .. wish.Operation is { } operation ? [("operation", operation.Value)] : Array.Empty<(string, object?)>(),
            .. wish.Since is { } since ? [("since", (since - NodeClocksOff).Micro())] : Array.Empty<(string, object?)>(),
        ]);

    /// <summary>The sequence after which the last so many lines of the job, or of one operation of it, stand.</summary>
    public static async Task<long> TailAsync(Transaction transaction, long job, OperationId? operation, int lines, CancellationToken ct)
    {
        var chunks = transaction.StreamAsync(
            $"select sequence, first_line, last_line from log_chunks where job_id = @job {Of(operation)} order by sequence desc",
            row => (Sequence: row.Long("sequence"), Lines: row.Long("last_line") - row.Long("first_line") + 1),
            ct,
            [("job", job), .. operation is { } one ? [("operation", one.Value)] : Array.Empty<(string, object?)>()]);
        var left = (long)lines;
        await foreach (var chunk in chunks)
        {
            left -= chunk.Lines;
            if (left <= 0)
            {
                return chunk.Sequence - 1;
            }
        }

        return 0;
    }

    /// <summary>Chunks of an operation that have lines after the number, in order.</summary>
    public static Task<List<StoredChunk>> ChunksAfterAsync(Transaction transaction, RunId run, OperationId operation, long line, int most, CancellationToken ct) => transaction.ListAsync(
        "select * from log_chunks where run = @run and operation = @operation and last_line > @line order by last_line limit @most",
        Read,
        ct,
        ("run", run.Value),
        ("operation", operation.Value),
        ("line", line),
        ("most", most));

    /// <summary>The number of the line after which the whole chunks begin that hold the lines after <paramref name="line"/>, as many from the end as have that many bytes together.</summary>
    public static async Task<long> TailBeginsAfterAsync(Transaction transaction, RunId run, OperationId operation, long line, long mostBytes, CancellationToken ct)
    {
        var begins = (long?)null;
        await foreach (var (first, last, size) in transaction.StreamAsync(
            "select first_line, last_line, size from log_chunks where run = @run and operation = @operation and last_line > @line order by last_line desc",
            row => (row.Long("first_line"), row.Long("last_line"), row.Long("size")),
            ct,
            ("run", run.Value),
            ("operation", operation.Value),
            ("line", line)))
        {
            begins ??= last;
            if ((mostBytes -= size) < 0)
            {
                break;
            }

            begins = first - 1;
        }

        return begins ?? line;
    }

    private static string Of(OperationId? operation) => operation is null ? "" : "and operation = @operation";

    private static RunRow ReadRun(DbDataReader row) => new()
    {
        Run = new RunId(row.Text("run")),
        Job = row.Long("job_id"),
        Node = new Address(row.Text("node")),
        Fence = row.Long("fence"),
        LastNumber = row.Long("last_number"),
        LastLines = JsonSerializer.Deserialize<ImmutableDictionary<string, long>>(row.Text("last_lines"))!,
        Bytes = row.Long("bytes"),
        IsOver = row.Flag("is_over"),
        Result = row.TextOrNull("result"),
        Outcome = row.TextOrNull("outcome"),
    };

    private static StoredChunk Read(DbDataReader row)
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
