using System.Data.Common;
using System.Globalization;
using System.Reflection;

namespace Berth.Market.Storage;

/// <summary>Brings a database to this program's form: one sequence of numbered changes for all dialects, each made once, all in one transaction.</summary>
internal static class Migrations
{
    private const int MigrationLock = 0x6265;

    /// <summary>The number of the newest change this program knows.</summary>
    public static int Newest => All().Max(migration => migration.Number);

    /// <summary>Makes the changes that are missing and says how many.</summary>
    /// <exception cref="StorageException">The database is of a newer program.</exception>
    public static Task<int> ApplyAsync(Database database, CancellationToken ct) => database.WriteAsync(
        async transaction =>
        {
            if (database.Dialect.IsShared)
            {
                await transaction.ExecuteAsync("select pg_advisory_xact_lock(@lock)", ct, ("lock", MigrationLock));
            }

            await transaction.ExecuteAsync("create table if not exists migrations (number integer primary key)", ct);
            var made = await MadeAsync(transaction, ct);

            var missing = All().Where(migration => migration.Number > made).OrderBy(migration => migration.Number).ToList();
            foreach (var (number, sql) in missing)
            {
                foreach (var statement in string.Join('\n', sql.Split('\n').Where(line => !line.StartsWith("--", StringComparison.Ordinal))).Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                {
                    await transaction.ExecuteAsync(statement, ct);
                }

                await transaction.ExecuteAsync("insert into migrations (number) values (@number)", ct, ("number", number));
            }

            return missing.Count;
        },
        ct);

    /// <summary>Makes sure that the database is of this program's form, changing nothing.</summary>
    /// <exception cref="StorageException">It is not.</exception>
    public static async Task RequireAsync(Transaction transaction, CancellationToken ct)
    {
        int made;
        try
        {
            made = await MadeAsync(transaction, ct);
        }
        catch (DbException missing)
        {
            throw new StorageException($"This is no database of Berth's ({missing.Message}).", missing);
        }

        if (made < Newest)
        {
            throw new StorageException($"The database is of an older Berth (change {made}, this one knows {Newest}). Start this version's server once; it brings it up to date.");
        }
    }

    private static async Task<int> MadeAsync(Transaction transaction, CancellationToken ct)
    {
        var made = await transaction.ScalarAsync<int?>("select max(number) from migrations", ct) ?? 0;
        return made <= Newest
            ? made
            : throw new StorageException($"The database is of a newer Berth (change {made}, this one knows {Newest}). Start the newer version, or restore a backup made before it.");
    }

    private static IEnumerable<(int Number, string Sql)> All()
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return (int.Parse(name.Split('.')[^2], CultureInfo.InvariantCulture), reader.ReadToEnd());
        }
    }
}
