using Berth.Market.Storage;

namespace Berth.Server;

/// <summary><c>berth server backup</c>: copies the SQLite database beside live servers.</summary>
internal static class ServerBackup
{
    public static async Task<int> RunAsync(ServerOptions options, string file, CancellationToken ct)
    {
        var database = options.DatabaseOrDefault;
        if (DatabaseAddress.IsPostgres(database))
        {
            throw new InvalidOperationException("A PostgreSQL database is copied with pg_dump.");
        }

        if (!File.Exists(database))
        {
            throw new FileNotFoundException($"There is no database {database}; name one with --data or --database.");
        }

        if (File.Exists(file))
        {
            throw new InvalidOperationException($"{file} is there already; name a new file.");
        }

        await Backup.RunAsync(database, file, ct);
        Console.WriteLine($"Copied {database} to {file}, {new FileInfo(file).Length / 1024.0 / 1024.0:0.0} MiB. Copy the content at {options.ContentPlace.Place} now.");
        return 0;
    }
}
