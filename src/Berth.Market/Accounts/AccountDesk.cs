using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Accounts;

/// <summary>What owners see of their accounts, and the operator's grants.</summary>
internal sealed class AccountDesk(Database database, MarketOptions options, TimeProvider time)
{
    private const int PageSize = 100;
    private static readonly Nos LargestGrant = new(1_000_000_000_000_000);

    public Task<AccountFacts> FindAsync(Address account, Address caller, CancellationToken ct)
    {
        OwnerOnly(account, caller);
        return database.ReadAsync(
            async transaction => new AccountFacts
            {
                Address = account,
                Balance = await Ledger.BalanceAsync(transaction, account.Value, ct),
                Escrow = await Ledger.EscrowAsync(transaction, account, ct),
            },
            ct);
    }

    public Task<Page<EntryFacts>> EntriesAsync(Address account, Address caller, string? after, CancellationToken ct)
    {
        OwnerOnly(account, caller);
        var before = after is null ? long.MaxValue : long.TryParse(after, out var number) ? number : throw RefusedException.Bad($"'{after}' is no cursor of this list; begin without one.");
        return database.ReadAsync(
            async transaction =>
            {
                var entries = await Ledger.EntriesAsync(transaction, account.Value, before, PageSize + 1, ct);
                return new Page<EntryFacts>([.. entries.Take(PageSize)], entries.Count > PageSize ? $"{entries[PageSize - 1].Entry}" : null);
            },
            ct);
    }

    /// <summary>Gives NOS to an address, once per key; the same key again gets the same entry.</summary>
    public Task<EntryFacts> GrantAsync(Address account, Address caller, Grant grant, string? idempotencyKey, CancellationToken ct)
    {
        if (caller != options.Operator)
        {
            throw RefusedException.NotAllowed($"Only the operator, {options.Operator}, may grant NOS.");
        }

        if (idempotencyKey is not { Length: > 0 and <= 128 })
        {
            throw RefusedException.Bad("A grant needs an Idempotency-Key header of at most 128 characters, so that it is not given twice when it is sent twice.");
        }

        if (grant.Amount <= Nos.Zero || grant.Amount > LargestGrant || grant.Memo is { Length: > 256 })
        {
            throw RefusedException.Bad($"A grant is more than 0 and at most {LargestGrant} NOS, with a memo of at most 256 characters.");
        }

        return database.WriteAsync(
            async transaction =>
            {
                var reference = $"grant:{idempotencyKey}";
                if (await Ledger.FindAsync(transaction, reference, ct) is null)
                {
                    await Ledger.BookAsync(
                        transaction,
                        time.GetUtcNow(),
                        [new Line(Ledger.Issued, EntryKind.Grant, -grant.Amount), new Line(account.Value, EntryKind.Grant, grant.Amount, Memo: grant.Memo)],
                        ct,
                        reference);
                }

                var entry = await Ledger.EntryOfAsync(transaction, reference, account.Value, ct);
                return entry is not null && entry.Amount == grant.Amount
                    ? entry
                    : throw new RefusedException(ProblemTypes.Conflict, "That Idempotency-Key stands for another grant already.");
            },
            ct);
    }

    private void OwnerOnly(Address account, Address caller)
    {
        if (caller != account && caller != options.Operator)
        {
            throw RefusedException.NotAllowed($"Only its owner and the operator may see the account of {account}.");
        }
    }
}
