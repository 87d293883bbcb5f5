using System.Text;
using Berth.Market.Content;
using Berth.Market.Markets;
using Berth.Market.Nodes;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Jobs;

/// <summary>
/// Where slots ask for work. Jobs that wait and slots that wait are two queues; whoever comes second makes the match, in one transaction.
/// </summary>
internal sealed class MarketQueue(Database database, ContentStore content, JobChanges changes, MarketMeters meters, MarketOptions options, TimeProvider time)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    /// <summary>How long a claim keeps its place after its answer, for the node to ask again.</summary>
    private static readonly TimeSpan KeepPlace = TimeSpan.FromSeconds(15);

    /// <summary>How often a claim looks by itself, should a wake-up have been lost.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(15);

    /// <summary>
    /// 1 a claim that has a lease already gets it again; 2 else it takes the oldest job that fits; 3 else it waits in the queue of slots until a post, an expiry or a
    /// restart gives it one. Null when the wait is over.
    /// </summary>
    public async Task<Lease?> ClaimAsync(string marketName, Address node, ClaimRequest claim, CancellationToken ct)
    {
        if (claim.Claim.Length is 0 or > 128)
        {
            throw RefusedException.Bad("'claim' has from 1 to 128 characters.");
        }

        var began = time.GetTimestamp();
        var most = TimeSpan.FromSeconds(Math.Clamp(claim.WaitSeconds, 0, LongestWait.TotalSeconds));
        var until = time.GetUtcNow() + most + KeepPlace;
        using var waiter = database.Wakeups.Listen(NodeStore.ClaimKey(node, claim.Claim));
        meters.ClaimWaits();
        try
        {
            while (true)
            {
                if (await database.WriteAsync(transaction => TryClaimAsync(transaction, marketName, node, claim, until, ct), ct) is { } leased)
                {
                    return await LeaseOfAsync(leased, ct);
                }

                var left = most - time.GetElapsedTime(began);
                if (left <= TimeSpan.Zero)
                {
                    return null;
                }

                await waiter.WaitAsync(left < LookAgain ? left : LookAgain, ct);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Who asked is gone. A lease given to it meanwhile is not accepted and goes back by itself.
            await database.WriteAsync(
                transaction =>
                {
                    NodeStore.LeaveUnlessRenewed(transaction, node, claim.Slot, until);
                    return Task.CompletedTask;
                },
                CancellationToken.None);
            throw;
        }
        finally
        {
            meters.ClaimLeft();
        }
    }

    private async Task<Job?> TryClaimAsync(Transaction transaction, string marketName, Address node, ClaimRequest claim, DateTimeOffset until, CancellationToken ct)
    {
        // 1
        var now = time.GetUtcNow();
        if (await JobStore.TakeOnSlotAsync(transaction, node, claim.Slot, ct) is { } there)
        {
            return there.Claim == claim.Claim ? there : null;
        }

        var (market, slot) = await SlotOfAsync(transaction, marketName, node, claim, ct);
        // What waits on both sides does not fit: whoever came second has looked.
        if (await NodeStore.KeepWaitingAsync(transaction, market, slot, claim.Claim, until, ct))
        {
            NodeStore.SeenNowAndThen(transaction, node, now);
            return null;
        }

        // 2
        if (await TakeAsync(transaction, market, slot, claim, wait: false, now, ct) is { } taken)
        {
            return taken;
        }

        // 3
        // No job begins to wait between the look and the waiting.
        database.Dialect.HoldMarket(transaction, market, alone: true);
        if (await JobStore.TakeOnSlotAsync(transaction, node, slot.Name, ct) is not null)
        {
            return null;
        }

        if (await TakeAsync(transaction, market, slot, claim, wait: true, now, ct) is { } meanwhile)
        {
            return meanwhile;
        }

        NodeStore.Seen(transaction, node, now);
        await NodeStore.WaitAsync(transaction, market, slot, claim.Claim, until, ct);
        return null;
    }

    private async Task<Job?> TakeAsync(Transaction transaction, long market, Slot slot, ClaimRequest claim, bool wait, DateTimeOffset now, CancellationToken ct)
    {
        if (await JobStore.TakeOldestAsync(transaction, market, slot, wait, ct) is not { } oldest)
        {
            return null;
        }

        NodeStore.Leave(transaction, slot.Node, slot.Name);
        return await changes.LeaseAsync(transaction, oldest, slot, claim.Claim, now, ct);
    }

    private static async Task<(long Market, Slot Slot)> SlotOfAsync(Transaction transaction, string marketName, Address address, ClaimRequest claim, CancellationToken ct)
    {
        var node = await NodeStore.FindAsync(transaction, address, ct)
            ?? throw new RefusedException(ProblemTypes.NotRegistered, $"The node {address} is not registered; register it first.");
        if (claim.Instance is { } instance && instance != node.Instance)
        {
            throw string.CompareOrdinal(instance, node.Instance) < 0
                ? new RefusedException(ProblemTypes.Superseded, "Another agent with this node's key has registered since; this one must stop.")
                : new RefusedException(ProblemTypes.NotRegistered, $"This agent of the node {address} is not the one that is registered; register it.");
        }

        var market = await MarketStore.FindAsync(transaction, marketName, ct) ?? throw RefusedException.NotFound($"There is no market '{marketName}'.");
        if (node.Market != market.Number)
        {
            throw new RefusedException(ProblemTypes.NotRegistered, $"The node {address} is registered in the market {node.MarketSlug}, not in {market.Slug}.");
        }

        if (!market.Admits(address))
        {
            throw RefusedException.NotAllowed($"The market {market.Slug} does not admit the node {address}.");
        }

        if (node.IsDraining || market.IsClosed)
        {
            throw new RefusedException(ProblemTypes.Conflict, node.IsDraining ? "The node drains; it takes nothing new." : $"The market {market.Slug} is closed.");
        }

        var slot = node.Slots.FirstOrDefault(slot => slot.Slot == claim.Slot)
            ?? throw new RefusedException(ProblemTypes.NotRegistered, $"The node {address} has registered no slot '{claim.Slot}'.");
        return (market.Number, Slot.Of(address, node.Machine, slot, claim.DiskMib > 0 ? claim.DiskMib : node.Machine.DiskMib, node.EncryptionKey is not null));
    }

    private async Task<Lease> LeaseOfAsync(Job job, CancellationToken ct)
    {
        var definition = await content.ReadAsync(ContentId.Parse(job.Definition, null), ct)
            ?? throw new InvalidDataException($"The definition {job.Definition} of job {job.Id} is not in the content store.");
        return new Lease
        {
            Run = job.Run!.Value,
            Job = job.Id,
            Fence = job.Fence,
            Attempt = job.Attempt + 1,
            LeaseSeconds = options.AcceptWithin.TotalSeconds,
            TimeoutSeconds = job.TimeoutSeconds,
            Market = job.MarketSlug,
            Poster = job.Poster,
            Slot = job.Slot!,
            Definition = Encoding.UTF8.GetString(definition),
            Format = job.Format,
            DefinitionId = job.Definition,
            IsSealed = job.Sealing != JobSealing.None,
            EndpointDomain = options.EndpointDomain,
            Artefacts = job.Artefacts,
            Sources = job.Sources,
        };
    }
}
