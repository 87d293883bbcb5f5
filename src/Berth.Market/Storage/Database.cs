using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.Extensions.Logging;

namespace Berth.Market.Storage;

/// <summary>
/// The market's one database. A piece of work is one transaction: all of it is on the disk when <see cref="WriteAsync{T}"/> returns, or none of it happened.
/// </summary>
internal sealed partial class Database(Dialect dialect, Wakeups wakeups, ILogger<Database> logger) : IAsyncDisposable
{
    private const int MostTries = 8;
    private readonly ConcurrentQueue<Statement> _along = new();

    public Dialect Dialect => dialect;

    public Wakeups Wakeups => wakeups;

    /// <summary>The dialect for <c>--database</c>: the path of a SQLite file, or PostgreSQL's address.</summary>
    public static Dialect DialectFor(string database) =>
        DatabaseAddress.IsPostgres(database) ? new PostgresDialect(database) : new SqliteDialect(database);

    /// <summary>Does the work in one transaction; when it collides with another it is done again from the start.</summary>
    /// <exception cref="StorageException">The database is away or full.</exception>
    public async Task<T> WriteAsync<T>(Func<Transaction, Task<T>> work, CancellationToken ct)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await TryAsync(work, ct);
            }
            catch (DbException fault) when (dialect.IsCollision(fault) && tries < MostTries)
            {
                LogCollision(tries);
                if (tries > 1)
                {
                    // It is another transaction that is waited for, and that takes real time.
                    await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 10 << tries)), TimeProvider.System, ct);
                }
            }
            catch (DbException fault) when (dialect.IsOutage(fault))
            {
                throw new StorageException($"The database cannot do it now ({fault.Message}). Try again; what is asked twice counts once.", fault);
            }
        }
    }

    /// <summary>
    /// Writes it with the next transaction that commits: whatever is done after this is on the disk only together with it. The statement may come to be done twice.
    /// </summary>
    public void WriteAlong(Statement statement) => _along.Enqueue(statement);

    public Task WriteAsync(Func<Transaction, Task> work, CancellationToken ct) => WriteAsync(
        async transaction =>
        {
            await work(transaction);
            return true;
        },
        ct);

    /// <summary>Reads in one transaction that sees one state of everything.</summary>
    /// <exception cref="StorageException">The database is away.</exception>
    public async Task<T> ReadAsync<T>(Func<Transaction, Task<T>> work, CancellationToken ct)
    {
        try
        {
            await using var transaction = await dialect.BeginReadAsync(ct);
            return await work(transaction);
        }
        catch (DbException fault) when (dialect.IsOutage(fault))
        {
            throw new StorageException($"The database does not answer ({fault.Message}). Try again.", fault);
        }
    }

    public ValueTask DisposeAsync() => dialect.DisposeAsync();

    private async Task<T> TryAsync<T>(Func<Transaction, Task<T>> work, CancellationToken ct)
    {
        var along = new List<Statement>();
        try
        {
            await using var transaction = await dialect.BeginWriteAsync(ct);
            while (_along.TryDequeue(out var statement))
            {
                along.Add(statement);
                transaction.ExecuteLater(statement);
            }

            var done = await work(transaction);
            await transaction.CommitAsync(ct);
            wakeups.Wake(transaction.Woken);
            return done;
        }
        catch
        {
            along.ForEach(_along.Enqueue);
            throw;
        }
    }

    [LoggerMessage(LogLevel.Debug, "Two transactions met; trying again after try {Tries}")]
    private partial void LogCollision(int tries);
}
