using System.Data.Common;
using Berth.Jobs;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Accounts;

/// <summary>One side of a booking: what an account's balance changes by.</summary>
internal sealed record Line(string Account, EntryKind Kind, Nos Amount, JobId? Job = null, string? Memo = null);

/// <summary>What came of a booking.</summary>
internal abstract record Booking
{
    private Booking()
    {
    }

    /// <summary>It is in the books; <paramref name="Number"/> is its number.</summary>
    public sealed record Booked(long Number) : Booking;

    /// <summary>An account has too little; nothing was booked.</summary>
    public sealed record TooLittle(string Account, Nos Balance, Nos Missing) : Booking;
}

/// <summary>
/// The double-entry ledger. The lines of every booking sum to zero; no balance but that of <see cref="Issued"/>, where granted NOS come from, is ever negative.
/// </summary>
internal static class Ledger
{
    /// <summary>The other side of every grant; its balance is minus all NOS there are.</summary>
    public const string Issued = "issued";

    private const string EntryColumns = "select e.id, l.at, e.kind, e.amount, e.balance, e.job, e.memo from entries e join ledger l on l.id = e.ledger_id";

    /// <summary>What is held for one job.</summary>
    public static string EscrowOf(JobId job) => $"escrow:{job}";

    /// <summary>Books the lines, all or none. Accounts come into being with their first line.</summary>
    public static async Task<Booking> BookAsync(Transaction transaction, DateTimeOffset at, IReadOnlyList<Line> lines, CancellationToken ct, string? reference = null)
    {
        if (lines.Sum(line => line.Amount.Micro) != 0)
        {
            throw new InvalidOperationException($"A booking must sum to zero: {string.Join("; ", lines)}.");
        }

        // Always in the same order, so that two bookings never wait for each other in a ring.
        var changes = lines.GroupBy(line => line.Account).OrderBy(account => account.Key, StringComparer.Ordinal).ToList();
        var balances = new Dictionary<string, Nos>();
        foreach (var account in changes)
        {
            var change = new Nos(account.Sum(line => line.Amount.Micro));
            if (await ChangeAsync(transaction, account.Key, change, ct) is not { } balance)
            {
                var has = new Nos(await transaction.ScalarAsync<long>("select balance from accounts where account = @account", ct, ("account", account.Key)));
                return new Booking.TooLittle(account.Key, has, -(has + change));
            }

            balances[account.Key] = balance - change;
        }

        var number = await transaction.ScalarAsync<long>(
            "insert into ledger (reference, at) values (@reference, @at) returning id", ct, ("reference", reference), ("at", at.Micro()));
        foreach (var line in lines)
        {
            balances[line.Account] += line.Amount;
            await transaction.ExecuteAsync(
                "insert into entries (ledger_id, account, kind, amount, balance, job, memo) values (@ledger, @account, @kind, @amount, @balance, @job, @memo)",
                ct,
                ("ledger", number),
                ("account", line.Account),
                ("kind", (int)line.Kind),
                ("amount", line.Amount.Micro),
                ("balance", balances[line.Account].Micro),
                ("job", line.Job?.Value),
                ("memo", line.Memo));
        }

        return new Booking.Booked(number);
    }

    /// <summary>What the account has; nothing when it never had any.</summary>
    public static async Task<Nos> BalanceAsync(Transaction transaction, string account, CancellationToken ct) =>
        new(await transaction.ScalarAsync<long>("select balance from accounts where account = @account", ct, ("account", account)));

    /// <summary>The booking of that reference, or null.</summary>
    public static Task<long?> FindAsync(Transaction transaction, string reference, CancellationToken ct) =>
        transaction.ScalarAsync<long?>("select id from ledger where reference = @reference", ct, ("reference", reference));

    /// <summary>Everything in escrow for jobs of the poster.</summary>
    public static async Task<Nos> EscrowAsync(Transaction transaction, Address poster, CancellationToken ct) => new(await transaction.ScalarAsync<long>(
        "select coalesce(sum(a.balance), 0) from jobs j join accounts a on a.account = 'escrow:' || j.job where j.poster = @poster and j.state in (0, 1)",
        ct,
        ("poster", poster.Value)));

    /// <summary>Entries of an account before the number, newest first.</summary>
    public static Task<List<EntryFacts>> EntriesAsync(Transaction transaction, string account, long before, int limit, CancellationToken ct) => transaction.ListAsync(
        $"{EntryColumns} where e.account = @account and e.id < @before order by e.id desc limit @limit", Read, ct, ("account", account), ("before", before), ("limit", limit));

    /// <summary>The account's entry in the booking of that reference.</summary>
    public static Task<EntryFacts?> EntryOfAsync(Transaction transaction, string reference, string account, CancellationToken ct) => transaction.FirstAsync(
        $"{EntryColumns} where l.reference = @reference and e.account = @account", Read, ct, ("reference", reference), ("account", account));

    private static EntryFacts Read(DbDataReader row) => new()
    {
        Entry = row.Long("id"),
        At = row.Moment("at"),
        Kind = (EntryKind)row.Int("kind"),
        Amount = row.Nos("amount"),
        Balance = row.Nos("balance"),
        Job = row.TextOrNull("job") is { } job ? new JobId(job) : null,
        Memo = row.TextOrNull("memo"),
    };

    private static async Task<Nos?> ChangeAsync(Transaction transaction, string account, Nos change, CancellationToken ct)
    {
        // A balance that would be negative changes no row.
        var balance = await transaction.ScalarAsync<long?>(
            "update accounts set balance = balance + @change where account = @account and (balance + @change >= 0 or account = 'issued') returning balance",
            ct,
            ("change", change.Micro),
            ("account", account));
        if (balance is null && (change >= Nos.Zero || account == Issued))
        {
            balance = await transaction.ScalarAsync<long?>(
                "insert into accounts (account, balance) values (@account, @change) on conflict (account) do update set balance = accounts.balance + @change returning balance",
                ct,
                ("account", account),
                ("change", change.Micro));
        }

        return balance is { } micro ? new Nos(micro) : null;
    }
}
