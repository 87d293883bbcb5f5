using Microsoft.Extensions.Logging.Abstractions;

namespace Berth.Market.Storage;

/// <summary>
/// Looks through a whole database for what must never be: bookings that do not sum to zero, balances that are not the sum of their entries or are negative, escrow that is not what its job
/// deposited and has not been paid out, jobs in two states at once. One reading, at one moment; it may run beside live servers.
/// </summary>
public static class Audit
{
    private static readonly (string What, string Sql)[] Rules =
    [
        ("The booking {0} sums to {1} micro-NOS instead of 0.",
            "select ledger_id, sum(amount) from entries group by ledger_id having sum(amount) <> 0"),
        ("The balance of {0} is {1} micro-NOS, its entries sum to {2}.",
            "select a.account, a.balance, coalesce(sum(e.amount), 0) from accounts a left join entries e on e.account = a.account group by a.account, a.balance having a.balance <> coalesce(sum(e.amount), 0)"),
        ("The balance of {0} is negative: {1} micro-NOS.",
            "select account, balance from accounts where balance < 0 and account <> 'issued'"),
        ("All balances sum to {0} micro-NOS instead of 0.",
            "select sum(balance) from accounts having sum(balance) <> 0"),
        ("The entry {0} of {1} says the balance after it was {2} micro-NOS, the entries up to it sum to {3}.",
            "select id, account, balance, total from (select id, account, balance, sum(amount) over (partition by account order by id) as total from entries) as running where balance <> total"),
        ("The job {0} has not ended and {1} micro-NOS in escrow instead of its deposit of {2}.",
            "select j.job, coalesce(a.balance, 0), j.deposit from jobs j left join accounts a on a.account = 'escrow:' || j.job where j.state in (0, 1) and coalesce(a.balance, 0) <> j.deposit"),
        ("The job {0} has ended and still has {1} micro-NOS in escrow.",
            "select j.job, a.balance from jobs j join accounts a on a.account = 'escrow:' || j.job where j.state in (2, 3) and a.balance <> 0"),
        ("The deposit of job {0} is {1} micro-NOS, its price times its timeout {2}.",
            "select job, deposit, price * timeout from jobs where deposit <> price * timeout"),
        ("The job {0} cost {1} and got back {2} micro-NOS, which is not its deposit of {3}.",
            "select job, coalesce(cost, 0), coalesce(refund, 0), deposit from jobs where state in (2, 3) and coalesce(cost, 0) + coalesce(refund, 0) <> deposit"),
        ("The job {0} is queued and has a lease.",
            "select job from jobs where state = 0 and (leased_until is not null or claim is not null)"),
        ("The job {0} runs and has no lease.",
            "select job from jobs where state = 1 and (leased_until is null or run is null or node is null)"),
        ("The job {0} has ended without an outcome or a time, or has an outcome and has not ended.",
            "select job from jobs where (state in (2, 3)) <> (outcome is not null) or (state in (2, 3)) <> (ended_at is not null)"),
        ("The job {0} has {1} live runs.",
            "select j.job, count(*) from jobs j join runs r on r.job_id = j.id where r.ended_at is null group by j.job, j.state having count(*) > 1 or j.state <> 1"),
        ("The slot {1} of node {0} has {2} runs at once.",
            "select node, slot, count(*) from jobs where state = 1 group by node, slot having count(*) > 1"),
        ("The events of job {0} end at {1}; the last one stored is {2}.",
            """
            select j.job, j.last_event, coalesce(s.stored, 0) from jobs j left join
              (select job_id, max(sequence) as stored, count(*) as many from (select job_id, sequence from job_events union all select job_id, sequence from log_chunks) as all_of group by job_id) s
              on s.job_id = j.id where coalesce(s.stored, 0) <> j.last_event or coalesce(s.many, 0) <> j.last_event
            """),
        ("The log of operation {1} in run {0} has a gap or an overlap before line {2}.",
            """
            select run, operation, first_line from
              (select run, operation, first_line, lag(last_line, 1, 0) over (partition by run, operation order by first_line) as before_it from log_chunks) as chunks
            where first_line <> before_it + 1
            """),
    ];

    /// <summary>Everything that is wrong, a sentence each; empty when the database is in order.</summary>
    /// <exception cref="StorageException">The database cannot be read, or is not of this program's form.</exception>
    public static async Task<IReadOnlyList<string>> RunAsync(string database, CancellationToken ct)
    {
        await using var opened = new Database(Database.DialectFor(database), new Wakeups(TimeProvider.System), NullLogger<Database>.Instance);
        return await RunAsync(opened, ct);
    }

    internal static Task<List<string>> RunAsync(Database database, CancellationToken ct) => database.ReadAsync(
        async transaction =>
        {
            await Migrations.RequireAsync(transaction, ct);
            var faults = new List<string>();
            foreach (var (what, sql) in Rules)
            {
                faults.AddRange(await transaction.ListAsync(
                    sql,
                    row => string.Format(System.Globalization.CultureInfo.InvariantCulture, what, [.. Enumerable.Range(0, row.FieldCount).Select(row.GetValue)]),
                    ct));
            }

            return faults;
        },
        ct);
}
