using System.Data.Common;
using System.Runtime.CompilerServices;

namespace Berth.Market.Storage;

/// <summary>One transaction: SQL in, rows out. Parameters are named <c>@like_this</c> in the SQL.</summary>
internal sealed class Transaction(DbConnection connection, DbTransaction transaction, Dialect dialect, IDisposable? turn) : IAsyncDisposable
{
    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(Type, string), string> Translated = new();
    private readonly List<string> _woken = [];
    private readonly List<Action> _acts = [];

    public Dialect Dialect => dialect;

    /// <summary>The keys to wake when it is committed.</summary>
    public IReadOnlyList<string> Woken => _woken;

    /// <summary>Once committed, wakes whoever waits for the key.</summary>
    public void Wake(string key) => _woken.Add(key);

    /// <summary>Does it when the transaction is committed, and not when it is taken back.</summary>
    public void OnceCommitted(Action act) => _acts.Add(act);

    /// <summary>How many rows were changed.</summary>
    public async Task<int> ExecuteAsync(string sql, CancellationToken ct, params (string Name, object? Value)[] values)
    {
        await using var command = Command(sql, values);
        return await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The first column of the first row, or default when there is none.</summary>
    public async Task<T?> ScalarAsync<T>(string sql, CancellationToken ct, params (string Name, object? Value)[] values)
    {
        await using var command = Command(sql, values);
        return await command.ExecuteScalarAsync(ct) is { } value and not DBNull ? (T)Convert.ChangeType(value, Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T), System.Globalization.CultureInfo.InvariantCulture) : default;
    }

    /// <summary>The first row, or default.</summary>
    public async Task<T?> FirstAsync<T>(string sql, Func<DbDataReader, T> row, CancellationToken ct, params (string Name, object? Value)[] values)
    {
        await using var command = Command(sql, values);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? row(reader) : default;
    }

    public async Task<List<T>> ListAsync<T>(string sql, Func<DbDataReader, T> row, CancellationToken ct, params (string Name, object? Value)[] values)
    {
        await using var command = Command(sql, values);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(row(reader));
        }

        return rows;
    }

    /// <summary>Row after row, for what may be long.</summary>
    public async IAsyncEnumerable<T> StreamAsync<T>(
        string sql, Func<DbDataReader, T> row, [EnumeratorCancellation] CancellationToken ct, params (string Name, object? Value)[] values)
    {
        await using var command = Command(sql, values);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            yield return row(reader);
        }
    }

    public async Task CommitAsync(CancellationToken ct)
    {
        await transaction.CommitAsync(ct);
        _acts.ForEach(act => act());
    }

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        if (turn is null)
        {
            await connection.DisposeAsync();
        }

        turn?.Dispose();
    }

    private DbCommand Command(string sql, (string Name, object? Value)[] values)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
#pragma warning disable CA2100 // The SQL is a store's own text; values go as parameters.
        command.CommandText = Translated.GetOrAdd((dialect.GetType(), sql), static (key, dialect) => dialect.Translate(key.Item2), dialect);
#pragma warning restore CA2100
        foreach (var (name, value) in values)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value ?? DBNull.Value;
            if (value is null)
            {
                parameter.DbType = System.Data.DbType.String;
            }

            command.Parameters.Add(parameter);
        }

        return command;
    }
}
