using Berth.Market.Storage;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>Knows which contents the database speaks of: definitions, results, sources, artefacts, parts on their way, and logs, but of jobs whose contents were given up.</summary>
internal static class ContentReferences
{
    private static readonly string[] Sources =
    [
        "select j.definition as content, j.job from jobs j where j.is_forgotten = 0",
        "select j.result as content, j.job from jobs j where j.is_forgotten = 0 and j.result is not null",
        "select s.content, j.job from job_sources s join jobs j on j.id = s.job_id where j.is_forgotten = 0",
        "select u.content, coalesce(j.job, '') from uploads u left join jobs j on j.id = u.job_id where u.content is not null and coalesce(j.is_forgotten, 0) = 0",
        "select p.content, '' from upload_parts p where 0 = 0",
        "select c.content, j.job from log_chunks c join jobs j on j.id = c.job_id where c.content is not null and j.is_forgotten = 0",
    ];

    /// <summary>Those of the contents that something refers to.</summary>
    public static async Task<HashSet<string>> AmongAsync(Transaction transaction, IReadOnlyList<ContentId> contents, CancellationToken ct)
    {
        var names = string.Join(", ", contents.Select((_, index) => $"@c{index}"));
        (string, object?)[] values = [.. contents.Select((content, index) => ($"c{index}", (object?)content.Value))];
        var found = new HashSet<string>();
        foreach (var source in Sources)
        {
            var column = source["select ".Length..].Split([' ', ','])[0];
            found.UnionWith(await transaction.ListAsync($"{source} and {column} in ({names})", row => row.GetString(0), ct, values));
        }

        return found;
    }

    /// <summary>Every content that something refers to, once, and a job that does.</summary>
    public static async Task<List<(ContentId Content, string Job)>> AllAsync(Transaction transaction, CancellationToken ct)
    {
        var all = new Dictionary<string, string>();
        foreach (var source in Sources)
        {
            foreach (var (content, job) in await transaction.ListAsync(source, row => (row.GetString(0), row.GetString(1)), ct))
            {
                all.TryAdd(content, job);
            }
        }

        return [.. all.Select(pair => (new ContentId(pair.Key), pair.Value))];
    }
}
