using System.Collections.Immutable;
using System.Data.Common;
using Berth.Jobs;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>An upload as its row has it.</summary>
internal sealed record UploadRow
{
    public required UploadId Upload { get; init; }

    public required Address Owner { get; init; }

    /// <summary>For an artefact: of which run, and where it comes from there.</summary>
    public ArtefactOrigin? Artefact { get; init; }

    /// <summary>What became of the parts.</summary>
    public ContentId? Content { get; init; }

    public long Size { get; init; }

    public int Files { get; init; }

    public long Bytes { get; init; }
}

/// <summary>A part as its row has it; its bytes are a content of their own until the upload ends.</summary>
internal sealed record PartRow(int Number, long Size, string Digest, ContentId Content);

/// <summary>Keeps what is on its way into the content store, and what became artefacts of runs and contents of posters.</summary>
internal static class UploadStore
{
    public static Task<UploadRow?> FindAsync(Transaction transaction, UploadId upload, CancellationToken ct) =>
        transaction.FirstAsync("select * from uploads where upload = @upload", Read, ct, ("upload", upload.Value));

    public static void Insert(Transaction transaction, UploadRow row, long? job, DateTimeOffset now) => transaction.ExecuteLater(
        """
        insert into uploads (upload, owner, job_id, run, fence, operation, name, path, begun_at, touched_at)
        values (@upload, @owner, @job, @run, @fence, @operation, @name, @path, @now, @now) on conflict (upload) do nothing
        """,
        null,
        ("upload", row.Upload.Value),
        ("owner", row.Owner.Value),
        ("job", job is { } number ? number : Transaction.NoNumber),
        ("run", row.Artefact?.Run.Value),
        ("fence", row.Artefact?.Fence ?? 0),
        ("operation", row.Artefact?.Operation.Value),
        ("name", row.Artefact?.Name),
        ("path", row.Artefact?.Path),
        ("now", now.Micro()));

    public static Task<List<PartRow>> PartsAsync(Transaction transaction, UploadId upload, CancellationToken ct) => transaction.ListAsync(
        "select * from upload_parts where upload = @upload order by number",
        row => new PartRow(row.Int("number"), row.Long("size"), row.Text("digest"), new ContentId(row.Text("content"))),
        ct,
        ("upload", upload.Value));

    public static Task<string?> DigestAsync(Transaction transaction, UploadId upload, int number, CancellationToken ct) =>
        transaction.ScalarAsync<string>("select digest from upload_parts where upload = @upload and number = @number", ct, ("upload", upload.Value), ("number", number));

    public static void Put(Transaction transaction, UploadId upload, PartRow part, DateTimeOffset now)
    {
        transaction.ExecuteLater(
            """
            insert into upload_parts (upload, number, size, digest, content) values (@upload, @number, @size, @digest, @content)
            on conflict (upload, number) do update set size = @size, digest = @digest, content = @content
            """,
            null,
            ("upload", upload.Value),
            ("number", part.Number),
            ("size", part.Size),
            ("digest", part.Digest),
            ("content", part.Content.Value));
        transaction.ExecuteLater("update uploads set touched_at = @now where upload = @upload", null, ("now", now.Micro()), ("upload", upload.Value));
    }

    /// <summary>Bytes of the upload's parts besides the one of that number.</summary>
    public static Task<long> BytesBesidesAsync(Transaction transaction, UploadId upload, int number, CancellationToken ct) => transaction.ScalarAsync<long>(
        "select coalesce(sum(size), 0) from upload_parts where upload = @upload and number <> @number", ct, ("upload", upload.Value), ("number", number));

    /// <summary>Bytes of all artefacts of the run, those on their way included, besides the upload.</summary>
    public static Task<long> BytesOfRunBesidesAsync(Transaction transaction, RunId run, UploadId upload, CancellationToken ct) => transaction.ScalarAsync<long>(
        """
        select coalesce((select sum(size) from uploads where run = @run and upload <> @upload), 0)
             + coalesce((select sum(p.size) from upload_parts p join uploads u on u.upload = p.upload where u.run = @run and u.upload <> @upload), 0)
        """,
        ct,
        ("run", run.Value),
        ("upload", upload.Value));

    /// <summary>The parts have become one content.</summary>
    public static void End(Transaction transaction, UploadRow ended, DateTimeOffset now)
    {
        transaction.ExecuteLater(
            "update uploads set content = @content, size = @size, files = @files, bytes = @bytes, touched_at = @now where upload = @upload",
            $"There is no upload {ended.Upload} any more.",
            ("content", ended.Content?.Value),
            ("size", ended.Size),
            ("files", ended.Files),
            ("bytes", ended.Bytes),
            ("now", now.Micro()),
            ("upload", ended.Upload.Value));
        transaction.ExecuteLater("delete from upload_parts where upload = @upload", null, ("upload", ended.Upload.Value));
    }

    /// <summary>How many artefacts the run has, whole or not.</summary>
    public static Task<long> CountOfRunAsync(Transaction transaction, RunId run, CancellationToken ct) =>
        transaction.ScalarAsync<long>("select count(*) from uploads where run = @run", ct, ("run", run.Value));

    /// <summary>How many uploads the owner has begun and not ended, and the bytes of all its contents that no job has.</summary>
    public static Task<long> CountOfOwnerAsync(Transaction transaction, Address owner, CancellationToken ct) =>
        transaction.ScalarAsync<long>("select count(*) from uploads where owner = @owner and run is null and content is null", ct, ("owner", owner.Value));

    /// <summary>Artefacts of the run, in the order they were begun.</summary>
    public static async Task<ImmutableArray<ArtefactFacts>> OfRunAsync(Transaction transaction, RunId run, CancellationToken ct) =>
    [
        .. from row in await transaction.ListAsync("select * from uploads where run = @run and content is not null order by begun_at, upload", Read, ct, ("run", run.Value))
           select new ArtefactFacts
           {
               Operation = row.Artefact!.Operation,
               Name = row.Artefact.Name,
               Path = row.Artefact.Path,
               Content = row.Content!.Value,
               Size = row.Size,
               Files = row.Files,
               Bytes = row.Bytes,
           },
    ];

    /// <summary>The owner has sent the content whole.</summary>
    public static async Task<bool> HasAsync(Transaction transaction, Address owner, ContentId content, CancellationToken ct) =>
        await transaction.ScalarAsync<long>("select count(*) from uploads where owner = @owner and run is null and content = @content", ct, ("owner", owner.Value), ("content", content.Value)) > 0;

    /// <summary>
    /// Forgets uploads that lead nowhere: of runs that are not their job's last, or ended before the upload did; of posters who neither went on with them nor posted a job with them. How many.
    /// </summary>
    public static async Task<int> ForgetAsync(Transaction transaction, DateTimeOffset idleSince, CancellationToken ct)
    {
        const string Lost = """
            select u.upload from uploads u left join runs r on r.run = u.run left join jobs j on j.id = u.job_id
            where (u.run is not null and r.ended_at is not null and (u.content is null or j.run <> u.run))
               or (u.run is null and u.touched_at < @idle and (u.content is null or not exists (select 1 from job_sources s where s.content = u.content)))
            limit 200
            """;
        var lost = await transaction.ListAsync(Lost, row => row.Text("upload"), ct, ("idle", idleSince.Micro()));
        foreach (var upload in lost)
        {
            transaction.ExecuteLater("delete from upload_parts where upload = @upload", null, ("upload", upload));
            transaction.ExecuteLater("delete from uploads where upload = @upload", null, ("upload", upload));
        }

        return lost.Count;
    }

    /// <summary>A part of the run's artefacts came after that time.</summary>
    public static async Task<bool> IsUnderWayAsync(Transaction transaction, RunId run, DateTimeOffset since, CancellationToken ct) =>
        await transaction.ScalarAsync<long>("select count(*) from uploads where run = @run and content is null and touched_at >= @since", ct, ("run", run.Value), ("since", since.Micro())) > 0;

    private static UploadRow Read(DbDataReader row) => new()
    {
        Upload = new UploadId(row.Text("upload")),
        Owner = new Address(row.Text("owner")),
        Artefact = row.TextOrNull("run") is { } run
            ? new ArtefactOrigin(new RunId(run), row.Long("fence"), new OperationId(row.Text("operation")), row.Text("name"), row.Text("path"))
            : null,
        Content = row.TextOrNull("content") is { } content ? new ContentId(content) : null,
        Size = row.Long("size"),
        Files = row.Int("files"),
        Bytes = row.Long("bytes"),
    };
}
