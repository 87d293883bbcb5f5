namespace Berth.Jobs.Placeholders;

/// <summary>The name a writer probably meant.</summary>
internal static class NearName
{
    private const int LongestName = 100;

    /// <summary>The candidate that differs in the fewest letters, at most a third of them; null when none is near.</summary>
    public static string? Of(string written, IEnumerable<string> candidates)
    {
        var nearest = candidates
            .Where(candidate => candidate.Length <= LongestName && written.Length <= LongestName)
            .Select(candidate => (Name: candidate, Distance: Distance(written.ToUpperInvariant(), candidate.ToUpperInvariant())))
            .OrderBy(candidate => candidate.Distance)
            .ThenBy(candidate => candidate.Name, StringComparer.Ordinal)
            .FirstOrDefault();
        return nearest.Name is { } name && nearest.Distance <= Math.Max(1, written.Length / 3) ? name : null;
    }

    /// <summary>Letters to add, drop, change or swap with their neighbour.</summary>
    private static int Distance(string left, string right)
    {
        var distance = new int[left.Length + 1, right.Length + 1];
        for (var i = 0; i <= left.Length; i++)
        {
            for (var j = 0; j <= right.Length; j++)
            {
                distance[i, j] = (i, j) switch
                {
                    (_, 0) => i,
                    (0, _) => j,
                    _ => Math.Min(distance[i - 1, j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1), Math.Min(distance[i - 1, j], distance[i, j - 1]) + 1),
                };
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    distance[i, j] = Math.Min(distance[i, j], distance[i - 2, j - 2] + 1);
                }
            }
        }

        return distance[left.Length, right.Length];
    }
}
