using System.Data.Common;

namespace Berth.Market.Storage;

/// <summary>
/// What differs between the databases the market can live in. SQL in the stores is written once; words in braces are replaced by the dialect's own.
/// </summary>
internal abstract class Dialect : IAsyncDisposable
{
    /// <summary>The words of the dialect: <c>{serial}</c>, <c>{blob}</c>, <c>{for update}</c>, <c>{skip locked}</c>.</summary>
    protected abstract IReadOnlyList<(string Word, string Sql)> Words { get; }

    /// <summary>Several processes may share the database.</summary>
    public abstract bool IsShared { get; }

    public string Translate(string sql)
    {
        foreach (var (word, own) in Words)
        {
            sql = sql.Replace(word, own, StringComparison.Ordinal);
        }

        return sql;
    }

    /// <summary>A transaction that may write; the caller disposes it, which takes back what was not committed.</summary>
    public abstract Task<Transaction> BeginWriteAsync(CancellationToken ct);

    /// <summary>A transaction that sees one state of everything and writes nothing.</summary>
    public abstract Task<Transaction> BeginReadAsync(CancellationToken ct);

    /// <summary>The transaction met another and may simply be tried again.</summary>
    public abstract bool IsCollision(DbException fault);

    /// <summary>The database is away or its disk is full; nothing is wrong with what was asked of it.</summary>
    public abstract bool IsOutage(DbException fault);

    /// <summary>What would have been stored twice.</summary>
    public abstract bool IsDuplicate(DbException fault);

    /// <summary>
    /// Within the transaction, keeps the market to this one: <paramref name="alone"/> excludes everybody, otherwise only those who want it alone.
    /// </summary>
    public abstract Task HoldMarketAsync(Transaction transaction, long market, bool alone, CancellationToken ct);

    /// <summary>Tells other processes on the database that something happened under the keys; best effort, the receivers also look by themselves.</summary>
    public abstract Task TellAsync(IReadOnlyCollection<string> keys, CancellationToken ct);

    /// <summary>The keys that other processes told of, until cancelled; ends by an exception when the database goes away.</summary>
    public abstract IAsyncEnumerable<string> ListenAsync(CancellationToken ct);

    public abstract ValueTask DisposeAsync();
}
