using System.Data.Common;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Berth.Market.Storage;

/// <summary>
/// One transaction: SQL in, rows out. Parameters are named <c>@like_this</c> in the SQL; a null is a missing text, <see cref="NoNumber"/> a missing number. A text keeps no NUL,
/// which PostgreSQL has no room for.
/// </summary>
internal sealed class Transaction(Session session, DbTransaction transaction, Dialect dialect, IAsyncDisposable end) : IAsyncDisposable
{
    /// <summary>The value of a number that is not there.</summary>
    public static readonly object NoNumber = DBNull.Value;

    private readonly List<Statement> _later = [];
    private readonly List<string> _woken = [];
    private readonly List<Action> _acts = [];

    public Dialect Dialect => dialect;

    /// <summary>The keys to wake when it is committed.</summary>
    public IReadOnlyList<string> Woken => _woken;

    /// <summary>Once committed, wakes whoever waits for the key.</summary>
    public void Wake(string key) => _woken.Add(key);

    /// <summary>Does it when the transaction is committed, and not when it is taken back.</summary>
    public void OnceCommitted(Action act) => _acts.Add(act);

    /// <summary>
    /// Changes rows, on the way to the database's next answer. Where it must change one row and does not, the transaction fails with what <paramref name="otherwise"/> says.
    /// </summary>
    public void ExecuteLater(string sql, string? otherwise, params (string Name, object? Value)[] values) => ExecuteLater(new Statement(sql, values, otherwise));

    public void ExecuteLater(Statement statement) => _later.Add(statement);

    /// <summary>How many rows were changed.</summary>
    public async Task<int> ExecuteAsync(string sql, CancellationToken ct, params (string Name, object? Value)[] values)
    {
        var statement = new Statement(sql, values);
        if (await BatchAsync(statement, ct) is { } batch)
        {
            await using (batch)
            {
                await batch.ExecuteNonQueryAsync(ct);
                CheckLater(batch);
                return batch.BatchCommands[^1].RecordsAffected;
            }
        }

        using var lent = session.Lend(statement, transaction, dialect);
        return await lent.Command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The first column of the first row, or default when there is none.</summary>
    public async Task<T?> ScalarAsync<T>(string sql, CancellationToken ct, params (string Name, object? Value)[] values)
    {
        await foreach (var value in StreamAsync(sql, static row => row.GetValue(0), ct, values))
        {
            return value is DBNull ? default : (T)Convert.ChangeType(value, Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T), CultureInfo.InvariantCulture);
        }

        return default;
    }

    /// <summary>The first row, or default.</summary>
    public async Task<T?> FirstAsync<T>(string sql, Func<DbDataReader, T> row, CancellationToken ct, params (string Name, object? Value)[] values)
    {
        await foreach (var first in StreamAsync(sql, row, ct, values))
        {
            return first;
        }

        return default;
    }

    public async Task<List<T>> ListAsync<T>(string sql, Func<DbDataReader, T> row, CancellationToken ct, params (string Name, object? Value)[] values)
    {
        var rows = new List<T>();
        await foreach (var one in StreamAsync(sql, row, ct, values))
        {
            rows.Add(one);
        }

        return rows;
    }

    /// <summary>Row after row, for what may be long.</summary>
    public async IAsyncEnumerable<T> StreamAsync<T>(
        string sql, Func<DbDataReader, T> row, [EnumeratorCancellation] CancellationToken ct, params (string Name, object? Value)[] values)
    {
        var statement = new Statement(sql, values);
        if (await BatchAsync(statement, ct) is { } batch)
        {
            await using (batch)
            {
                // What was put off has no rows; the reader stands at the question's.
                await using var answers = await batch.ExecuteReaderAsync(ct);
                CheckLater(batch);
                while (await answers.ReadAsync(ct))
                {
                    yield return row(answers);
                }
            }

            yield break;
        }

        using var lent = session.Lend(statement, transaction, dialect);
        await using var reader = await lent.Command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            yield return row(reader);
        }
    }

    public async Task CommitAsync(CancellationToken ct)
    {
        if (_later.Count > 0)
        {
            var last = _later[^1];
            _later.RemoveAt(_later.Count - 1);
            if (await ExecuteAsync(last.Sql, ct, last.Values) != 1)
            {
                Check(last);
            }
        }

        await transaction.CommitAsync(ct);
        _acts.ForEach(act => act());
    }

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await end.DisposeAsync();
    }

    /// <summary>What was put off and the statement after it, as one batch; null when nothing was, or when it had to be done one by one.</summary>
    private async Task<DbBatch?> BatchAsync(Statement statement, CancellationToken ct)
    {
        if (_later.Count == 0)
        {
            return null;
        }

        if (!session.Connection.CanCreateBatch)
        {
            foreach (var put in _later)
            {
                using var lent = session.Lend(put, transaction, dialect);
                if (await lent.Command.ExecuteNonQueryAsync(ct) != 1)
                {
                    Check(put);
                }
            }

            _later.Clear();
            return null;
        }

        var batch = session.Connection.CreateBatch();
        batch.Transaction = transaction;
        foreach (var one in _later.Append(statement))
        {
            var command = batch.CreateBatchCommand();
#pragma warning disable CA2100 // The SQL is a store's own text; values go as parameters.
            command.CommandText = dialect.Translate(one.Sql);
#pragma warning restore CA2100
            one.Bind(command.CreateParameter, command.Parameters);
            batch.BatchCommands.Add(command);
        }

        return batch;
    }

    private void CheckLater(DbBatch batch)
    {
        for (var index = 0; index < _later.Count; index++)
        {
            if (batch.BatchCommands[index].RecordsAffected != 1)
            {
                Check(_later[index]);
            }
        }

        _later.Clear();
    }

    private static void Check(Statement statement)
    {
        if (statement.Otherwise is { } otherwise)
        {
            throw new InvalidOperationException(otherwise);
        }
    }
}
