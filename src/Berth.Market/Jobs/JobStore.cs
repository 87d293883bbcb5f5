using System.Data.Common;
using System.Text;
using System.Text.Json;
using Berth.Jobs;
using Berth.Market.Runs;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Market.Jobs;

/// <summary>Keeps jobs and their events.</summary>
internal static class JobStore
{
    /// <summary>A claim about what fits a slot, in SQL over columns of <c>jobs j</c> and the parameters of <see cref="Slot"/>.</summary>
    private const string FitsSlot = """
        j.need_gpus <= @gpus and j.need_vram <= @vram and j.need_cuda <= @cuda and j.need_memory <= @memory and j.need_disk <= @disk and j.need_cpus <= @cpus
        and (j.need_model is null or {place of}(@model, j.need_model) > 0)
        and (j.sealing = 0 or @seals = 1) and j.is_unserved = 0
        and (j.need_node is null or j.need_node = @node) and (j.refused_by is null or j.refused_by <> @node)
        """;

    // The order of posting, in the words of the indexes.
    private const string Place = "j.id + 0";

    private const string Columns = "j.*, m.slug from jobs j join markets m on m.id = j.market_id";

    /// <summary>How far back in a queue places are counted.</summary>
    public const long MostCounted = 10_000;

    /// <summary>The wake-up of those who follow the job's events.</summary>
    public static string EventsKey(JobId job) => $"e:{job}";

    /// <summary>The wake-up of the node that runs it.</summary>
    public static string ControlKey(JobId job) => $"r:{job}";

    /// <summary>The wake-up of the poster's clients that hand things over.</summary>
    public static string HandoverKey(Address poster) => $"h:{poster}";

    /// <summary>Runs of the poster's jobs, or of one of them, whose nodes wait for something to be handed over, the oldest job first.</summary>
    public static Task<List<Job>> ToHandOverAsync(Transaction transaction, Address poster, JobId? job, int most, CancellationToken ct) => transaction.ListAsync(
        $"select {Columns} where j.poster = @poster and j.state = 1 and j.sealing = 3 and j.handover is null and (@job = '' or j.job = @job) order by j.id limit @most",
        Read,
        ct,
        ("poster", poster.Value),
        ("job", job?.Value ?? ""),
        ("most", most));

    /// <summary>Jobs of the poster, or one of them, that wait for somebody who hands things over.</summary>
    public static Task<List<JobId>> UnservedAsync(Transaction transaction, Address poster, JobId? job, int most, CancellationToken ct) => transaction.ListAsync(
        "select job from jobs where poster = @poster and state = 0 and is_unserved = 1 and (@job = '' or job = @job) order by id limit @most",
        row => new JobId(row.Text("job")),
        ct,
        ("poster", poster.Value),
        ("job", job?.Value ?? ""),
        ("most", most));

    public static Task<Job?> FindAsync(Transaction transaction, JobId job, CancellationToken ct) =>
        transaction.FirstAsync($"select {Columns} where j.job = @job", Read, ct, ("job", job.Value));

    /// <summary>The job, kept from everybody else until the transaction ends.</summary>
    public static Task<Job?> TakeAsync(Transaction transaction, JobId job, CancellationToken ct) => transaction.FirstAsync(
        $"select {Columns} where j.job = @job {ForUpdate(transaction)}", Read, ct, ("job", job.Value));

    public static Task<Job?> TakeByRunAsync(Transaction transaction, RunId run, CancellationToken ct) => transaction.FirstAsync(
        $"select {Columns} where j.id = (select job_id from runs where run = @run) {ForUpdate(transaction)}", Read, ct, ("run", run.Value));

    public static Task<Job?> FindByRunAsync(Transaction transaction, RunId run, CancellationToken ct) =>
        transaction.FirstAsync($"select {Columns} where j.id = (select job_id from runs where run = @run)", Read, ct, ("run", run.Value));

    /// <summary>The job a client posted with that <c>Idempotency-Key</c>.</summary>
    public static Task<Job?> FindByKeyAsync(Transaction transaction, Address poster, string key, CancellationToken ct) => transaction.FirstAsync(
        $"select {Columns} where j.poster = @poster and j.post_key = @key", Read, ct, ("poster", poster.Value), ("key", key));

    /// <summary>The job that the slot has a lease for, accepted or not.</summary>
    public static Task<Job?> TakeOnSlotAsync(Transaction transaction, Address node, string slot, CancellationToken ct) => transaction.FirstAsync(
        $"select {Columns} where j.node = @node and j.slot = @slot and j.state = 1 {ForUpdate(transaction)}", Read, ct, ("node", node.Value), ("slot", slot));

    /// <summary>
    /// The oldest waiting job of the market that fits the slot. One that somebody else is about to change is passed over, or with <paramref name="wait"/> waited for: then null means
    /// that there is none.
    /// </summary>
    public static Task<Job?> TakeOldestAsync(Transaction transaction, long market, Slot slot, bool wait, CancellationToken ct) => transaction.FirstAsync(
        $"select {Columns} where j.market_id = @market and j.state = 0 and {FitsSlot} order by {Place} limit 1 {ForUpdate(transaction)}{(wait ? "" : Skip(transaction))}",
        Read,
        ct,
        [("market", market), .. slot.Parameters()]);

    /// <summary>Jobs whose lease ran out, or whose time was up long ago.</summary>
    public static Task<List<JobId>> OverdueAsync(Transaction transaction, DateTimeOffset now, int most, CancellationToken ct) => transaction.ListAsync(
        "select job from jobs where state = 1 and due_at <= @now order by due_at limit @most",
        row => new JobId(row.Text("job")),
        ct,
        ("now", now.Micro()),
        ("most", most));

    /// <summary>Its place among the jobs that wait, from 1; counted up to <see cref="MostCounted"/>.</summary>
    public static Task<long> PositionAsync(Transaction transaction, Job job, CancellationToken ct) => transaction.ScalarAsync<long>(
        "select count(*) from (select 1 from jobs where market_id = @market and state = 0 and id + 0 <= @number limit @most) as ahead",
        ct,
        ("market", job.Market),
        ("number", job.Number),
        ("most", MostCounted));

    public static Task<List<JobFacts>> ListAsync(Transaction transaction, JobFilter filter, long? market, long before, CancellationToken ct)
    {
        var isWhole = filter is { State: null, Node: null, Poster: null } && market is null;
        var place = isWhole ? "j.id" : Place;
        var where = new StringBuilder($"where {place} < @before");
        var values = new List<(string, object?)> { ("before", before), ("limit", filter.Limit + 1) };
        And("j.state", "state", (int?)filter.State);
        And("j.market_id", "market", market);
        And("j.node", "node", filter.Node?.Value);
        And("j.poster", "poster", filter.Poster?.Value);
        return transaction.ListAsync($"select {Columns} {where} order by {place} desc limit @limit", row => FactsOf(Read(row)), ct, [.. values]);

        void And(string column, string name, object? value)
        {
            if (value is not null)
            {
                where.Append($" and {column} = @{name}");
                values.Add((name, value));
            }
        }
    }

    /// <summary>Gives up the contents of jobs that ended before that time, and says of how many.</summary>
    public static Task<int> ForgetAsync(Transaction transaction, DateTimeOffset endedBefore, CancellationToken ct) =>
        transaction.ExecuteAsync("update jobs set is_forgotten = 1 where is_forgotten = 0 and ended_at < @before", ct, ("before", endedBefore.Micro()));

    public static Task<long?> NumberOfAsync(Transaction transaction, JobId job, CancellationToken ct) =>
        transaction.ScalarAsync<long?>("select id from jobs where job = @job", ct, ("job", job.Value));

    /// <summary>Stores a job that was just posted and tells of it.</summary>
    public static async Task<Job> InsertAsync(Transaction transaction, Job job, CancellationToken ct)
    {
        var number = await transaction.ScalarAsync<long>(
            """
            insert into jobs (job, market_id, poster, post_digest, post_key, definition, format, price, timeout, deposit, attempts, is_public,
              need_node, need_gpus, need_vram, need_model, need_cuda, need_memory, need_disk, need_cpus,
              sealing, signature, handover, posted_at, state, attempt, fence, control, last_event, version, artefacts, sources)
            values (@job, @market, @poster, @digest, @key, @definition, @format, @price, @timeout, @deposit, @attempts, @public,
              @need_node, @need_gpus, @need_vram, @need_model, @need_cuda, @need_memory, @need_disk, @need_cpus,
              @sealing, @signature, @handover, @posted, 0, 0, 0, 0, 1, 0, @artefacts, @sources)
            returning id
            """,
            ct,
            ("job", job.Id.Value),
            ("market", job.Market),
            ("poster", job.Poster.Value),
            ("digest", job.PostDigest),
            ("key", job.PostKey),
            ("definition", job.Definition),
            ("format", (int)job.Format),
            ("price", job.Price.Micro),
            ("timeout", job.TimeoutSeconds),
            ("deposit", job.Deposit.Micro),
            ("attempts", job.Attempts),
            ("public", job.IsPublic ? 1 : 0),
            ("need_node", job.PinnedNode?.Value),
            ("need_gpus", job.Requirements.Gpus),
            ("need_vram", job.Requirements.VramMib),
            ("need_model", job.Requirements.GpuModel?.ToLowerInvariant()),
            ("need_cuda", job.Requirements.Cuda),
            ("need_memory", job.Requirements.MemoryMib),
            ("need_disk", job.Requirements.DiskMib),
            ("need_cpus", job.Requirements.Cpus),
            ("sealing", (int)job.Sealing),
            ("signature", job.DefinitionSignature is { } signature ? Convert.ToBase64String(signature) : null),
            ("handover", Text(job.Handover)),
            ("posted", job.PostedAt.Micro()),
            ("artefacts", job.Artefacts.IsEmpty ? null : JsonSerializer.Serialize(job.Artefacts, WireJson.Answers.ImmutableArrayArtefactWish)),
            ("sources", job.Sources.IsEmpty ? null : JsonSerializer.Serialize(job.Sources, WireJson.Answers.ImmutableArraySourceMount)));
        foreach (var source in job.Sources)
        {
            transaction.ExecuteLater("insert into job_sources (job_id, content) values (@job, @content)", null, ("job", number), ("content", source.Content.Value));
        }

        var stored = job with { Number = number };
        InsertEvents(transaction, stored, job.PostedAt, [new JobPosted(job.MarketSlug, job.Poster, job.Deposit)]);
        return stored with { LastEvent = 1 };
    }

    /// <summary>Stores the job as it is after a change, made from the state it had before, and tells of it.</summary>
    /// <remarks>The transaction fails when somebody else changed it in between; then it was not taken.</remarks>
    public static Job Save(Transaction transaction, Job before, Job after, DateTimeOffset at, IReadOnlyList<JobEvent> events)
    {
        var saved = after with { LastEvent = before.LastEvent + events.Count, Version = before.Version + 1 };
        transaction.ExecuteLater(
            """
            update jobs set timeout = @timeout, deposit = @deposit, state = @state, outcome = @outcome, message = @message, result = @result, attempt = @attempt, fence = @fence,
              run = @run, node = @node, slot = @slot, claim = @claim, refused_by = @refused, leased_until = @until, due_at = @due, started_at = @started, ended_at = @ended,
              stopping_since = @stopping, control = @control, cost = @cost, refund = @refund, handover = @handover, awaits_since = @awaits, is_unserved = @unserved, last_event = @last, version = @version
            where id = @number and version = @before
            """,
            $"Job {before.Id} was changed by two at once.",
            ("timeout", saved.TimeoutSeconds),
            ("deposit", saved.Deposit.Micro),
            ("state", (int)saved.State),
            ("outcome", Number((int?)saved.Outcome)),
            ("message", saved.Message),
            ("result", saved.Result),
            ("attempt", saved.Attempt),
            ("fence", saved.Fence),
            ("run", saved.Run?.Value),
            ("node", saved.Node?.Value),
            ("slot", saved.Slot),
            ("claim", saved.Claim),
            ("refused", saved.RefusedBy?.Value),
            ("until", Number(saved.LeasedUntil?.Micro())),
            ("due", Number(JobLifecycle.DueAt(saved)?.Micro())),
            ("started", Number(saved.StartedAt?.Micro())),
            ("ended", Number(saved.EndedAt?.Micro())),
            ("stopping", Number(saved.StoppingSince?.Micro())),
            ("control", saved.Control),
            ("cost", Number(saved.Cost?.Micro)),
            ("refund", Number(saved.Refund?.Micro)),
            ("handover", Text(saved.Handover)),
            ("awaits", Number(saved.AwaitsSince?.Micro())),
            ("unserved", saved.IsUnserved ? 1 : 0),
            ("last", saved.LastEvent),
            ("version", saved.Version),
            ("number", saved.Number),
            ("before", before.Version));
        InsertEvents(transaction, before, at, events);
        if (after.Control != before.Control || after.State != before.State)
        {
            transaction.Wake(ControlKey(before.Id));
        }

        if (after is { State: JobState.Running, Sealing: JobSealing.Poster } && before.State == JobState.Queued)
        {
            transaction.Wake(HandoverKey(before.Poster));
        }

        return saved;
    }

    /// <summary>Events of the job after the sequence, oldest first, log chunks left out.</summary>
    public static Task<List<JobEvent>> EventsAsync(Transaction transaction, long job, long after, int most, CancellationToken ct) => transaction.ListAsync(
        "select body from job_events where job_id = @job and sequence > @after order by sequence limit @most",
        row => JsonSerializer.Deserialize(row.Text("body"), WireJson.Answers.JobEvent)!,
        ct,
        ("job", job),
        ("after", after),
        ("most", most));

    public static JobFacts FactsOf(Job job) => new()
    {
        Job = job.Id,
        Market = job.MarketSlug,
        Poster = job.Poster,
        State = job.State,
        Outcome = job.Outcome,
        Price = job.Price,
        TimeoutSeconds = job.TimeoutSeconds,
        PostedAt = job.PostedAt,
        StartedAt = job.StartedAt,
        EndedAt = job.EndedAt,
        Node = job.Node,
        Run = job.Run,
        Attempt = job.Attempt,
        IsPublic = job.IsPublic,
        IsConfidential = job.IsConfidential,
    };

    private static string? Text(SealedBox? box) => box is null ? null : JsonSerializer.Serialize(box, WireJson.Answers.SealedBox);

    private static object Number(long? value) => value is { } number ? number : Transaction.NoNumber;

    private static string ForUpdate(Transaction transaction) => transaction.Dialect.IsShared ? "for update of j" : "";

    private static string Skip(Transaction transaction) => transaction.Dialect.IsShared ? " skip locked" : "";

    private static void InsertEvents(Transaction transaction, Job job, DateTimeOffset at, IReadOnlyList<JobEvent> events)
    {
        const int RowsAtOnce = 100;
        var told = events.Select((happened, index) => happened with { Sequence = job.LastEvent + 1 + index, At = at }).ToList();
        foreach (var written in told.OfType<LogWritten>())
        {
            RunStore.InsertChunk(transaction, job.Number, written);
        }

        foreach (var some in told.Where(happened => happened is not LogWritten).Chunk(RowsAtOnce))
        {
            var sql = new StringBuilder("insert into job_events (job_id, sequence, body) values ");
            var values = new List<(string, object?)> { ("job", job.Number) };
            foreach (var (index, happened) in some.Index())
            {
                sql.Append(index == 0 ? "" : ", ").Append($"(@job, @s{index}, @b{index})");
                values.Add(($"s{index}", happened.Sequence));
                values.Add(($"b{index}", JsonSerializer.Serialize(happened, WireJson.Answers.JobEvent)));
            }

            transaction.ExecuteLater(sql.ToString(), null, [.. values]);
        }

        if (events.Count > 0)
        {
            transaction.Wake(EventsKey(job.Id));
        }
    }

    private static Job Read(DbDataReader row) => new()
    {
        Number = row.Long("id"),
        Id = new JobId(row.Text("job")),
        Market = row.Long("market_id"),
        MarketSlug = row.Text("slug"),
        Poster = new Address(row.Text("poster")),
        PostDigest = row.Text("post_digest"),
        PostKey = row.TextOrNull("post_key"),
        Definition = row.Text("definition"),
        Format = (DefinitionFormat)row.Int("format"),
        Price = row.Nos("price"),
        TimeoutSeconds = row.Long("timeout"),
        Attempts = row.Int("attempts"),
        IsPublic = row.Flag("is_public"),
        PinnedNode = AddressOrNull(row, "need_node"),
        Requirements = new JobRequirements
        {
            Gpus = row.Int("need_gpus"),
            VramMib = row.Long("need_vram"),
            GpuModel = row.TextOrNull("need_model"),
            Cuda = row.Int("need_cuda"),
            MemoryMib = row.Long("need_memory"),
            DiskMib = row.Long("need_disk"),
            Cpus = row.Int("need_cpus"),
        },
        Artefacts = row.TextOrNull("artefacts") is { } artefacts ? JsonSerializer.Deserialize(artefacts, WireJson.Answers.ImmutableArrayArtefactWish) : [],
        Sources = row.TextOrNull("sources") is { } sources ? JsonSerializer.Deserialize(sources, WireJson.Answers.ImmutableArraySourceMount) : [],
        Sealing = (JobSealing)row.Int("sealing"),
        DefinitionSignature = row.TextOrNull("signature") is { } signature ? Convert.FromBase64String(signature) : null,
        Handover = row.TextOrNull("handover") is { } handover ? JsonSerializer.Deserialize(handover, WireJson.Answers.SealedBox) : null,
        AwaitsSince = row.MomentOrNull("awaits_since"),
        IsUnserved = row.Flag("is_unserved"),
        PostedAt = row.Moment("posted_at"),
        State = (JobState)row.Int("state"),
        Outcome = (JobOutcome?)row.IntOrNull("outcome"),
        Message = row.TextOrNull("message"),
        Result = row.TextOrNull("result"),
        Attempt = row.Int("attempt"),
        Fence = row.Long("fence"),
        Run = row.TextOrNull("run") is { } run ? new RunId(run) : null,
        Node = AddressOrNull(row, "node"),
        Slot = row.TextOrNull("slot"),
        Claim = row.TextOrNull("claim"),
        RefusedBy = AddressOrNull(row, "refused_by"),
        LeasedUntil = row.MomentOrNull("leased_until"),
        StartedAt = row.MomentOrNull("started_at"),
        EndedAt = row.MomentOrNull("ended_at"),
        IsForgotten = row.Flag("is_forgotten"),
        StoppingSince = row.MomentOrNull("stopping_since"),
        Control = row.Long("control"),
        Cost = row.LongOrNull("cost") is { } cost ? new Nos(cost) : null,
        Refund = row.LongOrNull("refund") is { } refund ? new Nos(refund) : null,
        LastEvent = row.Long("last_event"),
        Version = row.Long("version"),
    };

    private static Address? AddressOrNull(DbDataReader row, string column) => row.TextOrNull(column) is { } text ? new Address(text) : null;
}
