using Npgsql;

namespace Berth.Market.Storage;

/// <summary>What <c>--database</c> names: PostgreSQL's address or the path of a SQLite file.</summary>
public static class DatabaseAddress
{
    /// <summary>It is PostgreSQL's, not a file.</summary>
    public static bool IsPostgres(string database) =>
        database.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase)
        || database.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase)
        || database.Contains("Host=", StringComparison.OrdinalIgnoreCase);

    /// <summary>As people may see it: the file, or host, port and name of a PostgreSQL, never what opens it.</summary>
    public static string Shown(string database)
    {
        if (!IsPostgres(database))
        {
            return database;
        }

        var address = new NpgsqlConnectionStringBuilder(PostgresDialect.FromUri(database));
        return $"postgres://{address.Host}:{address.Port}/{address.Database}";
    }
}
