using Berth.Market.Markets;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Nodes;

/// <summary>What nodes say of themselves, and what everybody may see of them.</summary>
internal sealed class NodeDesk(Database database, TimeProvider time)
{
    private const int PageSize = 100;

    /// <summary>Registers the node, or says anew what it has. Another start of its agent takes its place; slots that waited leave the queue.</summary>
    public Task<NodeFacts> RegisterAsync(Address node, Address caller, NodeRegistration asked, CancellationToken ct)
    {
        if (caller != node)
        {
            throw RefusedException.NotAllowed($"Only the node {node} itself, by its key, may register it.");
        }

        if (asked.Slots.Length is 0 or > 256 || asked.Machine.Gpus.Length > 256 || asked.Slots.Select(slot => slot.Slot).Distinct().Count() != asked.Slots.Length
            || asked.Slots.Any(slot => slot.Slot.Length is 0 or > 64))
        {
            throw RefusedException.Bad("A node has from 1 to 256 slots, each with a name of its own of at most 64 characters.");
        }

        if (asked.Slots.SelectMany(slot => slot.Gpus).GroupBy(gpu => gpu).Any(gpu => gpu.Count() > 1 || asked.Machine.Gpus.All(known => known.Uuid != gpu.Key)))
        {
            throw RefusedException.Bad("Every GPU of a slot is one of the machine's, and in one slot only.");
        }

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
                    throw RefusedException.NotAllowed($"The market {market.Slug} does not admit the node {node}; its operator can (berth market update {market.Slug} --admit {node}).");
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
}
