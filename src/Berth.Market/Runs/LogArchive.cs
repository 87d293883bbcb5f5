using Berth.Jobs;
using Berth.Market.Content;
using Berth.Market.Storage;

namespace Berth.Market.Runs;

/// <summary>
/// Puts the logs of ended runs to rest: the chunks of an operation one after another as one content object, which is the gzip file of its log; the rows then say where in it they are.
/// </summary>
internal sealed class LogArchive(Database database, ContentStore content)
{
    private const int AtOnce = 8;

    /// <summary>Archives a few of the logs that wait for it.</summary>
    public async Task ArchiveAsync(CancellationToken ct)
    {
        var waiting = await database.ReadAsync(
            transaction => transaction.ListAsync(
                """
                select distinct c.run, c.operation from log_chunks c join runs r on r.run = c.run where c.content is null and r.ended_at is not null limit @most
                """,
                row => (Run: new RunId(row.Text("run")), Operation: new OperationId(row.Text("operation"))),
                ct,
                ("most", AtOnce)),
            ct);
        foreach (var (run, operation) in waiting)
        {
            await ArchiveAsync(run, operation, ct);
        }
    }

    private async Task ArchiveAsync(RunId run, OperationId operation, CancellationToken ct)
    {
        var chunks = await database.ReadAsync(transaction => RunStore.LastChunksAsync(transaction, run, operation, long.MaxValue, ct), ct);
        var places = new List<(long Sequence, long Offset, int Length)>();
        var id = await content.PutAsync(
            async file =>
            {
                foreach (var chunk in chunks)
                {
                    var data = chunk.Written.Chunk.Data;
                    places.Add((chunk.Written.Sequence, file.Position, data.Length));
                    await file.WriteAsync(data, ct);
                }
            },
            ct);
        await database.WriteAsync(
            async transaction =>
            {
                foreach (var (sequence, offset, length) in places)
                {
                    await transaction.ExecuteAsync(
                        """
                        update log_chunks set content = @content, content_at = @offset, content_length = @length, data = null
                        where job_id = (select job_id from runs where run = @run) and sequence = @sequence
                        """,
                        ct,
                        ("content", id.ToString()),
                        ("offset", offset),
                        ("length", length),
                        ("run", run.Value),
                        ("sequence", sequence));
                }
            },
            ct);
    }
}
