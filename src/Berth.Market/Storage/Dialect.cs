using System.Collections.Concurrent;
using System.Data.Common;

namespace Berth.Market.Storage;

/// <summary>
/// What differs between the databases the market can live in. SQL in the stores is written once; words in braces are replaced by the dialect's own.
/// </summary>
internal abstract class Dialect : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, string> _translated = new();

    /// <summary>The words of the dialect: <c>{serial}</c>, <c>{blob}</c>, <c>{for update}</c>, <c>{skip locked}</c>, <c>{place of}</c>, the function that finds a text in another, and
    /// <c>{unhurried}</c>, behind the columns of a select, for a commit that may reach the disk with the next one.</summary>
    protected abstract IReadOnlyList<(string Word, string Sql)> Words { get; }

    /// <summary>Several processes may share the database.</summary>
    public abstract bool IsShared { get; }

    /// <summary>The SQL in the dialect's words.</summary>
    public string Translate(string sql) => _translated.GetOrAdd(
        sql,
        static (sql, words) => words.Aggregate(sql, (text, word) => text.Replace(word.Word, word.Sql, StringComparison.Ordinal)),
        Words);

    /// <summary>A transaction that may write; the caller disposes it, which takes back what was not committed.</summary>
    public abstract Task<Transaction> BeginWriteAsync(CancellationToken ct);

    /// <summary>A transaction that sees one state of everything and writes nothing.</summary>
    public abstract Task<Transaction> BeginReadAsync(CancellationToken ct);

    /// <summary>The transaction met another, which was first; tried again it sees what the other did.</summary>
    public abstract bool IsCollision(DbException fault);

    /// <summary>The database is away or its disk is full; nothing is wrong with what was asked of it.</summary>
    public abstract bool IsOutage(DbException fault);

    /// <summary>
    /// Keeps the market to this transaction, before it asks anything more: <paramref name="alone"/> excludes everybody, otherwise only those who want it alone.
    /// </summary>
    public abstract void HoldMarket(Transaction transaction, long market, bool alone);

    /// <summary>Tells other processes on the database that something happened under the keys; best effort, the receivers also look by themselves.</summary>
    public abstract Task TellAsync(IReadOnlyCollection<string> keys, CancellationToken ct);

    /// <summary>
    /// The keys that other processes told of, until cancelled; ends by an exception when the database goes away. Null comes first, once nothing is missed any more.
    /// </summary>
    public abstract IAsyncEnumerable<string?> ListenAsync(CancellationToken ct);

    public abstract ValueTask DisposeAsync();
}
