using Berth.Market.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Berth.Market.Content;

/// <summary>What an operator does with a market's contents by hand, beside live servers.</summary>
public static class ContentCare
{
    /// <summary>Removes, or with <paramref name="isTrial"/> counts, what nothing refers to.</summary>
    /// <exception cref="StorageException">The database or the store cannot be used.</exception>
    public static async Task<Collected> CollectAsync(string database, ContentPlace place, bool isTrial, CancellationToken ct)
    {
        await using var opened = Open(database);
        await opened.ReadAsync(transaction => RequireAsync(transaction, ct), ct);
        await using var store = place.Open(TimeProvider.System);
        return await new ContentGarbage(opened, store, TimeProvider.System).CollectAsync(ContentGarbage.Usual, isTrial, ct);
    }

    /// <summary>Every content that a job refers to and that the store does not have, in a sentence each.</summary>
    /// <exception cref="StorageException">The database or the store cannot be used.</exception>
    public static async Task<IReadOnlyList<string>> MissingAsync(string database, ContentPlace place, CancellationToken ct)
    {
        await using var opened = Open(database);
        await using var store = place.Open(TimeProvider.System);
        var missing = new List<string>();
        foreach (var (content, job) in await opened.ReadAsync(transaction => ContentReferences.AllAsync(transaction, ct), ct))
        {
            if (await store.FindAsync(content, ct) is null)
            {
                missing.Add(job.Length > 0 ? $"The content {content} of job {job} is not in {store.Name}." : $"The content {content} of an upload is not in {store.Name}.");
            }
        }

        return missing;
    }

    private static Database Open(string database) => new(Database.DialectFor(database), new Wakeups(TimeProvider.System), NullLogger<Database>.Instance);

    private static async Task<bool> RequireAsync(Transaction transaction, CancellationToken ct)
    {
        await Migrations.RequireAsync(transaction, ct);
        return true;
    }
}
