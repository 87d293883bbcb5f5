using Berth.Market.Storage;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>What a collection found and did.</summary>
public sealed record Collected(int Looked, int Removed, long Bytes);

/// <summary>
/// Removes contents that nothing refers to and that have been so for a while: of posts that were refused, of uploads that led nowhere, of jobs whose contents were given up. What is put again
/// meanwhile is young and stays.
/// </summary>
internal sealed class ContentGarbage(Database database, ContentStore content, TimeProvider time)
{
    private const int AtOnce = 100;

    /// <summary>How long a content must have lain there: whoever puts one refers to it well before.</summary>
    public static readonly TimeSpan Usual = TimeSpan.FromDays(1);

    /// <summary>Collects once; with <paramref name="isTrial"/> it only counts.</summary>
    public async Task<Collected> CollectAsync(TimeSpan age, bool isTrial, CancellationToken ct)
    {
        var before = time.GetUtcNow() - age;
        var collected = new Collected(0, 0, 0);
        var batch = new List<StoredContent>(AtOnce);
        await foreach (var one in content.ListAsync(ct))
        {
            collected = collected with { Looked = collected.Looked + 1 };
            if (one.PutAt < before)
            {
                batch.Add(one);
            }

            if (batch.Count == AtOnce)
            {
                collected = await RemoveAsync(batch, before, isTrial, collected, ct);
                batch.Clear();
            }
        }

        collected = batch.Count == 0 ? collected : await RemoveAsync(batch, before, isTrial, collected, ct);
        if (!isTrial)
        {
            await content.TidyAsync(before, ct);
        }

        return collected;
    }

    private async Task<Collected> RemoveAsync(List<StoredContent> batch, DateTimeOffset before, bool isTrial, Collected collected, CancellationToken ct)
    {
        IReadOnlyList<ContentId> ids = [.. batch.Select(one => one.Id)];
        var kept = await database.ReadAsync(transaction => ContentReferences.AmongAsync(transaction, ids, ct), ct);
        foreach (var lost in batch.Where(one => !kept.Contains(one.Id.Value)))
        {
            if (isTrial || await content.RemoveAsync(lost.Id, before, ct))
            {
                collected = collected with { Removed = collected.Removed + 1, Bytes = collected.Bytes + lost.Size };
            }
        }

        return collected;
    }
}
