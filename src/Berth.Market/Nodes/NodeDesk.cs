using Berth.Market.Markets;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Nodes;

/// <summary>What nodes say of themselves, and what everybody may see of them.</summary>
internal sealed class NodeDesk(Database database, TimeProvider time)
{
    private const int PageSize = 100;
    private const int MostSlots = 256;
    private const int MostGpus = 256;

    /// <summary>Registers the node, or says anew what it has. Another start of its agent takes its place; slots that waited leave the queue.</summary>
    public Task<NodeFacts> RegisterAsync(Address node, Address caller, NodeRegistration asked, CancellationToken ct)
    {
        if (caller != node)
        {
            throw RefusedException.NotAllowed($"Only the node {node} itself, by its key, may register it.");
        }

        Check(node, asked);
        return database.WriteAsync(
            async transaction =>
            {
                var market = await MarketStore.FindAsync(transaction, asked.Market, ct)
                    ?? throw RefusedException.NotFound($"There is no market '{asked.Market}'; berth market list shows those there are.");
                if (market.IsClosed)
                {
                    throw new RefusedException(ProblemTypes.Conflict, $"The market {market.Slug} is closed.");
                }

                if (!market.Admits(node))
                {
                    throw RefusedException.NotAllowed($"The market {market.Slug} does not admit the node {node}; its operator can (berth market update {market.Slug} --admit, with every node that is to be admitted).");
                }

                await NodeStore.RegisterAsync(transaction, node, market.Number, asked, time.GetUtcNow(), ct);
                return await NodeStore.FactsAsync(transaction, (await NodeStore.FindAsync(transaction, node, ct))!, time.GetUtcNow(), ct);
            },
            ct);
    }

    public Task<NodeFacts> FindAsync(Address node, CancellationToken ct) => database.ReadAsync(
        async transaction => await NodeStore.FindAsync(transaction, node, ct) is { } known
            ? await NodeStore.FactsAsync(transaction, known, time.GetUtcNow(), ct)
            : throw RefusedException.NotFound($"No node {node} was ever registered here."),
        ct);

    public Task<Page<NodeFacts>> ListAsync(string? marketName, string? after, CancellationToken ct) => database.ReadAsync(
        async transaction =>
        {
            var market = marketName is null
                ? null
                : await MarketStore.FindAsync(transaction, marketName, ct) ?? throw RefusedException.NotFound($"There is no market '{marketName}'.");
            var nodes = await NodeStore.ListAsync(transaction, market?.Number, after ?? "", PageSize + 1, ct);
            var facts = new List<NodeFacts>();
            foreach (var node in nodes.Take(PageSize))
            {
                facts.Add(await NodeStore.FactsAsync(transaction, node, time.GetUtcNow(), ct));
            }

            return new Page<NodeFacts>([.. facts], nodes.Count > PageSize ? facts[^1].Node.Value : null);
        },
        ct);

    private static void Check(Address node, NodeRegistration asked)
    {
        var machine = asked.Machine;
        if (asked.Slots.Length is 0 or > MostSlots || asked.Slots.Any(slot => slot is null || slot.Slot.Length is 0 or > 64)
            || asked.Slots.DistinctBy(slot => slot.Slot).Count() != asked.Slots.Length)
        {
            throw RefusedException.Bad($"'slots': a node has from 1 to {MostSlots} slots, each with a name of its own of at most 64 characters.");
        }

        if (machine.Gpus.Length > MostGpus || machine.Gpus.Any(gpu => gpu is null || gpu.Uuid.Length is 0 or > 128 || gpu.Model.Length is 0 or > 128 || gpu.VramMib < 0))
        {
            throw RefusedException.Bad($"'machine.gpus': a machine has at most {MostGpus} GPUs, each with a UUID and a model of at most 128 characters.");
        }

        if (asked.Slots.SelectMany(slot => slot.Gpus).GroupBy(gpu => gpu).Any(gpu => gpu.Count() > 1 || machine.Gpus.All(known => known.Uuid != gpu.Key)))
        {
            throw RefusedException.Bad("'slots': every GPU of a slot is one of the machine's, and in one slot only.");
        }

        if (asked.Slots.Any(slot => slot.Cpus < 0 || slot.MemoryMib < 0) || machine.Cpus < 0 || machine.MemoryMib < 0 || machine.DiskMib < 0 || machine.Cuda < 0)
        {
            throw RefusedException.Bad("'machine' and 'slots': no machine has less than nothing.");
        }

        if (asked.EncryptionKey is { } key && (key.Owner != node || !key.IsGenuine))
        {
            throw RefusedException.Bad("'encryptionKey' is the node's own X25519 key, signed by the node.");
        }

        if (asked.Instance.Length is 0 or > 128 || machine.Engine.Length > 256 || machine.Version.Length > 256)
        {
            throw RefusedException.Bad("'instance' has from 1 to 128 characters, 'machine.engine' and 'machine.version' at most 256.");
        }
    }
}
