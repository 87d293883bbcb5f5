using System.Text.Json;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Market.Secrets;

/// <summary>Keeps the boxes of secrets; there is nothing else of them here.</summary>
internal static class SecretStore
{
    /// <summary>The owner's secrets by name.</summary>
    public static Task<List<SecretFacts>> ListAsync(Transaction transaction, Address owner, CancellationToken ct) => transaction.ListAsync(
        "select name, is_market_held, set_at from secrets where owner = @owner order by name",
        row => new SecretFacts { Name = row.Text("name"), IsMarketHeld = row.Flag("is_market_held"), SetAt = row.Moment("set_at") },
        ct,
        ("owner", owner.Value));

    public static Task<SealedBox?> FindAsync(Transaction transaction, Address owner, string name, CancellationToken ct) => transaction.FirstAsync(
        "select box from secrets where owner = @owner and name = @name",
        row => JsonSerializer.Deserialize(row.Text("box"), WireJson.Answers.SealedBox)!,
        ct,
        ("owner", owner.Value),
        ("name", name));

    public static Task SetAsync(Transaction transaction, Address owner, SecretFacts secret, SealedBox box, CancellationToken ct) => transaction.ExecuteAsync(
        """
        insert into secrets (owner, name, box, is_market_held, set_at) values (@owner, @name, @box, @held, @at)
        on conflict (owner, name) do update set box = @box, is_market_held = @held, set_at = @at
        """,
        ct,
        ("owner", owner.Value),
        ("name", secret.Name),
        ("box", JsonSerializer.Serialize(box, WireJson.Answers.SealedBox)),
        ("held", secret.IsMarketHeld ? 1 : 0),
        ("at", secret.SetAt.Micro()));

    /// <summary>Forgets it; false when there was none.</summary>
    public static async Task<bool> RemoveAsync(Transaction transaction, Address owner, string name, CancellationToken ct) =>
        await transaction.ExecuteAsync("delete from secrets where owner = @owner and name = @name", ct, ("owner", owner.Value), ("name", name)) > 0;
}
