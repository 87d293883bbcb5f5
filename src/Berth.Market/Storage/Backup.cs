using Microsoft.Data.Sqlite;

namespace Berth.Market.Storage;

/// <summary>Copies a SQLite database while servers work on it: all of one moment, in a new file.</summary>
public static class Backup
{
    /// <exception cref="StorageException">The database cannot be read or the file cannot be written; no file is left then.</exception>
    public static async Task RunAsync(string database, string file, CancellationToken ct)
    {
        var half = $"{file}.{Environment.ProcessId}.part";
        try
        {
            await using (var opened = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = database, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString()))
            {
                await opened.OpenAsync(ct);
                await using var copy = opened.CreateCommand();
                copy.CommandText = "vacuum into @file";
                copy.Parameters.AddWithValue("@file", half);
                await copy.ExecuteNonQueryAsync(ct);
            }

            File.Move(half, file, overwrite: false);
        }
        catch (SqliteException fault)
        {
            throw new StorageException($"{database} could not be copied to {file} ({fault.Message}).", fault);
        }
        finally
        {
            File.Delete(half);
        }
    }
}
