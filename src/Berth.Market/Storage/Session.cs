using System.Data.Common;

namespace Berth.Market.Storage;

/// <summary>A connection, and with <paramref name="keepsCommands"/> the commands prepared on it, each kept to be used again.</summary>
internal sealed class Session(DbConnection connection, bool keepsCommands) : IAsyncDisposable
{
    private readonly Dictionary<string, DbCommand> _kept = [];

    public DbConnection Connection => connection;

    /// <summary>A command for the statement, to be given back at once when it was used.</summary>
    public Loan Lend(Statement statement, DbTransaction transaction, Dialect dialect)
    {
        // Taken out while it is in use: a row's reader may ask the same again.
        if (!_kept.Remove(statement.Sql, out var command))
        {
            command = connection.CreateCommand();
#pragma warning disable CA2100 // The SQL is a store's own text; values go as parameters.
            command.CommandText = dialect.Translate(statement.Sql);
#pragma warning restore CA2100
        }

        command.Transaction = transaction;
        statement.Bind(command.CreateParameter, command.Parameters);
        return new Loan(this, statement.Sql, command);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var command in _kept.Values)
        {
            await command.DisposeAsync();
        }

        await connection.DisposeAsync();
    }

    private void TakeBack(string sql, DbCommand command)
    {
        command.Parameters.Clear();
        if (!keepsCommands || !_kept.TryAdd(sql, command))
        {
            command.Dispose();
        }
    }

    /// <summary>A command in use.</summary>
    internal readonly struct Loan(Session session, string sql, DbCommand command) : IDisposable
    {
        public DbCommand Command => command;

        public void Dispose() => session.TakeBack(sql, command);
    }
}
