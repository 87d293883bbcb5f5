using Berth.Jobs.Definitions;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Market.Secrets;

/// <summary>What owners do with their secrets. A value never comes here but as a box that the owner, and of a market-held secret the market, can open.</summary>
internal sealed class SecretDesk(Database database, MarketOptions options, TimeProvider time)
{
    private const int MostSecrets = 256;

    public Task<Page<SecretFacts>> ListAsync(Address owner, CancellationToken ct) =>
        database.ReadAsync(async transaction => new Page<SecretFacts>([.. await SecretStore.ListAsync(transaction, owner, ct)], null), ct);

    /// <summary>The box, for the owner to open.</summary>
    public Task<SealedBox> FindAsync(Address owner, string name, CancellationToken ct) =>
        database.ReadAsync(async transaction => await SecretStore.FindAsync(transaction, owner, name, ct) ?? throw Unknown(name), ct);

    public Task<SecretFacts> SetAsync(Address owner, string name, SecretDraft draft, CancellationToken ct)
    {
        if (!SecretReference.IsName(name))
        {
            throw RefusedException.Bad(SecretReference.NameRule);
        }

        Check(owner, draft);
        return database.WriteAsync(
            async transaction =>
            {
                var there = await SecretStore.ListAsync(transaction, owner, ct);
                if (there.Count >= MostSecrets && there.All(secret => secret.Name != name))
                {
                    throw RefusedException.Bad($"An account has at most {MostSecrets} secrets; remove one first.");
                }

                var set = new SecretFacts { Name = name, IsMarketHeld = draft.IsMarketHeld, SetAt = time.GetUtcNow() };
                await SecretStore.SetAsync(transaction, owner, set, draft.Box, ct);
                return set;
            },
            ct);
    }

    public Task RemoveAsync(Address owner, string name, CancellationToken ct) =>
        database.WriteAsync(async transaction => await SecretStore.RemoveAsync(transaction, owner, name, ct) ? true : throw Unknown(name), ct);

    private void Check(Address owner, SecretDraft draft)
    {
        Address[] recipients = draft.IsMarketHeld ? [owner, options.Operator] : [owner];
        if (draft.Box.Content.Length > SecretReference.LongestValue + ContentKey.Overhead)
        {
            throw new RefusedException(ProblemTypes.TooLarge, $"The value of a secret is at most {SecretReference.LongestValue >> 10} KiB.");
        }

        if (draft.Box.Keys.IsDefault || !draft.Box.Keys.Select(key => key?.Recipient).ToHashSet().SetEquals(recipients.Distinct().Select(recipient => (Address?)recipient)))
        {
            throw RefusedException.Bad(draft.IsMarketHeld
                ? "A market-held secret is sealed for its owner and for the operator, and for nobody else."
                : "A secret is sealed for its owner, and for nobody else.");
        }
    }

    private static RefusedException Unknown(string name) => RefusedException.NotFound($"You have no secret '{name}'; berth secret list shows those there are.");
}
