using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using Berth.Market.Jobs;
using Berth.Market.Markets;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Market.Nodes;

/// <summary>A node as it is kept.</summary>
internal sealed record RegisteredNode
{
    public required Address Node { get; init; }

    public required long Market { get; init; }

    public required string MarketSlug { get; init; }

    public required string Instance { get; init; }

    public required MachineFacts Machine { get; init; }

    public required ImmutableArray<SlotFacts> Slots { get; init; }

    public bool IsDraining { get; init; }

    public EncryptionKey? EncryptionKey { get; init; }

    public required DateTimeOffset RegisteredAt { get; init; }

    public required DateTimeOffset LastSeen { get; init; }

    public long Finished { get; init; }

    public long Lost { get; init; }

    public Nos Earned { get; init; }
}

/// <summary>Keeps the nodes, what their slots offer, and the slots that wait for work.</summary>
internal static class NodeStore
{
    /// <summary>How long a node may be silent before it counts as away.</summary>
    public static readonly TimeSpan AwayAfter = TimeSpan.FromMinutes(2);

    private const string Columns = "n.*, m.slug from nodes n join markets m on m.id = n.market_id";

    // What fits a job, in SQL over columns of the slots named s and the job's needs as parameters.
    private const string FitsJob = """
        s.gpus >= @gpus and s.vram >= @vram and s.cuda >= @cuda and s.memory >= @memory and s.disk >= @disk and s.cpus >= @cpus and s.seals >= @seals
        and (@model = '' or {place of}(s.model, @model) > 0) and (@node = '' or s.node = @node) and s.node <> @refused
        """;

    /// <summary>The wake-up of the claim.</summary>
    public static string ClaimKey(Address node, string claim) => $"c:{node}:{claim}";

    public static Task<RegisteredNode?> FindAsync(Transaction transaction, Address node, CancellationToken ct) =>
        transaction.FirstAsync($"select {Columns} where n.node = @node", Read, ct, ("node", node.Value));

    /// <summary>Nodes in the order of their addresses.</summary>
    public static Task<List<RegisteredNode>> ListAsync(Transaction transaction, long? market, string after, int limit, CancellationToken ct) => transaction.ListAsync(
        $"select {Columns} where n.node > @after {(market is null ? "" : "and n.market_id = @market")} order by n.node limit @limit",
        Read,
        ct,
        [("after", after), ("limit", limit), .. market is { } one ? [("market", (object?)one)] : Array.Empty<(string, object?)>()]);

    public static async Task RegisterAsync(Transaction transaction, Address node, long market, NodeRegistration asked, DateTimeOffset now, CancellationToken ct)
    {
        await transaction.ExecuteAsync(
            """
            insert into nodes (node, market_id, instance, machine, slots, is_draining, encryption_key, registered_at, last_seen)
            values (@node, @market, @instance, @machine, @slots, @draining, @encryption, @now, @now)
            on conflict (node) do update set market_id = @market, instance = @instance, machine = @machine, slots = @slots, is_draining = @draining, encryption_key = @encryption, last_seen = @now
            """,
            ct,
            ("node", node.Value),
            ("market", market),
            ("instance", asked.Instance),
            ("machine", JsonSerializer.Serialize(asked.Machine, WireJson.Answers.MachineFacts)),
            ("slots", JsonSerializer.Serialize(asked.Slots.ToArray(), SlotsJson.Default.SlotFactsArray)),
            ("draining", asked.IsDraining ? 1 : 0),
            ("encryption", asked.EncryptionKey is { } key ? JsonSerializer.Serialize(key, WireJson.Answers.EncryptionKey) : null),
            ("now", now.Micro()));
        await transaction.ExecuteAsync("delete from node_slots where node = @node", ct, ("node", node.Value));
        await transaction.ExecuteAsync("delete from waiting_slots where node = @node", ct, ("node", node.Value));
        foreach (var slot in asked.Slots)
        {
            await transaction.ExecuteAsync(
                """
                insert into node_slots (node, slot, market_id, gpus, vram, model, cuda, memory, disk, cpus, seals)
                values (@node, @slot, @market, @gpus, @vram, @model, @cuda, @memory, @disk, @cpus, @seals)
                """,
                ct,
                [("market", market), .. Slot.Of(node, asked.Machine, slot, asked.Machine.DiskMib, asked.EncryptionKey is not null).Parameters()]);
        }
    }

    public static void Seen(Transaction transaction, Address node, DateTimeOffset now) =>
        transaction.ExecuteLater("update nodes set last_seen = @now where node = @node and last_seen < @now", null, ("now", now.Micro()), ("node", node.Value));

    /// <summary>Seen, and written down only when that is half of <see cref="AwayAfter"/> ago: a node that only waits costs next to nothing.</summary>
    public static void SeenNowAndThen(Transaction transaction, Address node, DateTimeOffset now) => transaction.ExecuteLater(
        "update nodes set last_seen = @now where node = @node and last_seen < @due", null, ("now", now.Micro()), ("node", node.Value), ("due", (now - (AwayAfter / 2)).Micro()));

    /// <summary>Counts an attempt that ended: how, and what it earned.</summary>
    public static void Count(Transaction transaction, Address node, bool finished, Nos earned) => transaction.ExecuteLater(
        finished
            ? "update nodes set finished = finished + 1, earned = earned + @earned where node = @node"
            : "update nodes set lost = lost + 1, earned = earned + @earned where node = @node",
        null,
        ("earned", earned.Micro),
        ("node", node.Value));

    /// <summary>Whether a registered slot of the market could run the job, free or not.</summary>
    public static Task<bool> CouldFitAsync(Transaction transaction, Job job, CancellationToken ct) => transaction.ScalarAsync<bool>(
        $"select exists (select 1 from node_slots s where s.market_id = @market and {FitsJob})", ct, [("market", job.Market), .. Needs(job)]);

    /// <summary>Every slot of the market, for saying what is missing.</summary>
    public static Task<List<Slot>> SlotsOfAsync(Transaction transaction, long market, CancellationToken ct) => transaction.ListAsync(
        "select * from node_slots where market_id = @market limit 1000", ReadSlot, ct, ("market", market));

    /// <summary>Puts the slot into the market's queue, or keeps its place when the claim waits already.</summary>
    public static Task WaitAsync(Transaction transaction, long market, Slot slot, string claim, DateTimeOffset until, CancellationToken ct) => transaction.ExecuteAsync(
        """
        insert into waiting_slots (market_id, node, slot, claim, wait_until, gpus, vram, model, cuda, memory, disk, cpus, seals)
        values (@market, @node, @slot, @claim, @until, @gpus, @vram, @model, @cuda, @memory, @disk, @cpus, @seals)
        on conflict (node, slot) do update set claim = @claim, wait_until = @until, disk = @disk, market_id = @market
        """,
        ct,
        [("market", market), ("claim", claim), ("until", until.Micro()), .. slot.Parameters()]);

    /// <summary>Keeps the place of a claim that waits already; false when it does not, or has a GiB more of disk to offer than before.</summary>
    public static async Task<bool> KeepWaitingAsync(Transaction transaction, long market, Slot slot, string claim, DateTimeOffset until, CancellationToken ct)
    {
        var keeps = await transaction.ScalarAsync<long?>(
            "select wait_until from waiting_slots where node = @node and slot = @slot and claim = @claim and market_id = @market and disk / 1024 >= @disk / 1024",
            ct,
            ("disk", slot.DiskMib),
            ("node", slot.Node.Value),
            ("slot", slot.Name),
            ("claim", claim),
            ("market", market));

        // Written only when the wait has grown, so that a post rarely finds the row taken.
        return keeps is { } before && (before >= until.Micro() || await transaction.ExecuteAsync(
            "update waiting_slots set wait_until = @until where node = @node and slot = @slot and claim = @claim",
            ct,
            ("until", until.Micro()),
            ("node", slot.Node.Value),
            ("slot", slot.Name),
            ("claim", claim)) == 1);
    }

    public static void Leave(Transaction transaction, Address node, string slot) =>
        transaction.ExecuteLater("delete from waiting_slots where node = @node and slot = @slot", null, ("node", node.Value), ("slot", slot));

    /// <summary>The slot leaves, unless a later request has taken its place meanwhile.</summary>
    public static void LeaveUnlessRenewed(Transaction transaction, Address node, string slot, DateTimeOffset until) => transaction.ExecuteLater(
        "delete from waiting_slots where node = @node and slot = @slot and wait_until <= @until", null, ("node", node.Value), ("slot", slot), ("until", until.Micro()));

    /// <summary>Nodes that the market does not admit any more leave its queue.</summary>
    public static async Task LeaveUnlessAdmittedAsync(Transaction transaction, MarketTerms market, CancellationToken ct)
    {
        foreach (var node in await transaction.ListAsync(
            "select distinct node from waiting_slots where market_id = @market", row => new Address(row.Text("node")), ct, ("market", market.Number)))
        {
            if (!market.Admits(node))
            {
                await transaction.ExecuteAsync("delete from waiting_slots where node = @node", ct, ("node", node.Value));
            }
        }
    }

    /// <summary>Takes the oldest waiting slot that fits the job out of the queue; null when there is none.</summary>
    public static async Task<(Slot Slot, string Claim)?> TakeWaitingAsync(Transaction transaction, Job job, DateTimeOffset now, CancellationToken ct)
    {
        // One that somebody else is about to take is passed over; when there is no other, it is waited for, as it may not be taken after all.
        if (await OldestAsync("{skip locked}") is not { } oldest)
        {
            if (!transaction.Dialect.IsShared || await OldestAsync("{for update}") is not { } left)
            {
                return null;
            }

            oldest = left;
        }

        transaction.ExecuteLater("delete from waiting_slots where id = @number", "A waiting slot was taken twice.", ("number", oldest.Number));
        return (oldest.Slot, oldest.Claim);

        Task<Waiting?> OldestAsync(string locking) => transaction.FirstAsync(
            $"""
            select s.* from waiting_slots s where s.market_id = @market and s.wait_until > @now and {FitsJob}
              and not exists (select 1 from jobs r where r.node = s.node and r.slot = s.slot and r.state = 1)
            order by s.id limit 1 {locking}
            """,
            row => new Waiting(row.Long("id"), ReadSlot(row), row.Text("claim")),
            ct,
            [("market", job.Market), ("now", now.Micro()), .. Needs(job)]);
    }

    public static Task ForgetWaitersAsync(Transaction transaction, DateTimeOffset now, CancellationToken ct) =>
        transaction.ExecuteAsync("delete from waiting_slots where wait_until <= @now", ct, ("now", now.Micro()));

    public static async Task<NodeFacts> FactsAsync(Transaction transaction, RegisteredNode node, DateTimeOffset now, CancellationToken ct)
    {
        var jobs = await transaction.ListAsync("select job from jobs where node = @node and state = 1 order by id", row => row.Text("job"), ct, ("node", node.Node.Value));
        return new NodeFacts
        {
            Node = node.Node,
            State = now - node.LastSeen > AwayAfter ? NodeState.Away
                : node.IsDraining ? NodeState.Draining
                : jobs.Count >= node.Slots.Length ? NodeState.Running
                : NodeState.Waiting,
            Market = node.MarketSlug,
            Machine = node.Machine,
            Slots = node.Slots,
            Jobs = [.. jobs],
            EncryptionKey = node.EncryptionKey,
            RegisteredAt = node.RegisteredAt,
            LastSeen = node.LastSeen,
            Finished = node.Finished,
            Lost = node.Lost,
            Earned = node.Earned,
        };
    }

    private static (string, object?)[] Needs(Job job) =>
    [
        ("gpus", job.Requirements.Gpus), ("vram", job.Requirements.VramMib), ("cuda", job.Requirements.Cuda), ("memory", job.Requirements.MemoryMib),
        ("disk", job.Requirements.DiskMib), ("cpus", job.Requirements.Cpus), ("model", job.Requirements.GpuModel?.ToLowerInvariant() ?? ""),
        ("node", job.PinnedNode?.Value ?? ""), ("refused", job.RefusedBy?.Value ?? ""),
        ("seals", job.Sealing == JobSealing.None ? 0 : 1),
    ];

    private static Slot ReadSlot(DbDataReader row) => new()
    {
        Node = new Address(row.Text("node")),
        Name = row.Text("slot"),
        Gpus = row.Int("gpus"),
        VramMib = row.Long("vram"),
        Model = row.Text("model"),
        Cuda = row.Int("cuda"),
        MemoryMib = row.Long("memory"),
        DiskMib = row.Long("disk"),
        Cpus = row.Int("cpus"),
        Seals = row.Flag("seals"),
    };

    private static RegisteredNode Read(DbDataReader row) => new()
    {
        Node = new Address(row.Text("node")),
        Market = row.Long("market_id"),
        MarketSlug = row.Text("slug"),
        Instance = row.Text("instance"),
        Machine = JsonSerializer.Deserialize(row.Text("machine"), WireJson.Answers.MachineFacts)!,
        Slots = [.. JsonSerializer.Deserialize(row.Text("slots"), SlotsJson.Default.SlotFactsArray)!],
        IsDraining = row.Flag("is_draining"),
        EncryptionKey = row.TextOrNull("encryption_key") is { } key ? JsonSerializer.Deserialize(key, WireJson.Answers.EncryptionKey) : null,
        RegisteredAt = row.Moment("registered_at"),
        LastSeen = row.Moment("last_seen"),
        Finished = row.Long("finished"),
        Lost = row.Long("lost"),
        Earned = row.Nos("earned"),
    };

    private sealed record Waiting(long Number, Slot Slot, string Claim);
}
