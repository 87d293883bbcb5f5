namespace Berth.Jobs.Definitions;

/// <summary>Finds the name a person probably meant when they wrote another.</summary>
internal static class NearName
{
    private const int LongestCompared = 48;
    private const int MostCompared = 256;
    private const int ShortestBeginning = 4;
    private const int Farthest = 4;

    /// <summary>The nearest of the known names, or null when none is near.</summary>
    public static string? Of(string written, IEnumerable<string> known)
    {
        if (written.Length is 0 or > LongestCompared)
        {
            return null;
        }

        var flat = Flat(written);
        var nearest = known
            .Where(name => name.Length <= LongestCompared)
            .Take(MostCompared)
            .Select(name => (Name: name, Distance: flat.Length >= ShortestBeginning && Flat(name).StartsWith(flat, StringComparison.Ordinal) ? 1 : Distance(flat, Flat(name))))
            .DefaultIfEmpty((Name: "", Distance: int.MaxValue))
            .OrderBy(candidate => candidate.Distance)
            .ThenBy(candidate => candidate.Name, StringComparer.Ordinal)
            .First();

        return nearest.Distance <= Math.Clamp(Math.Min(written.Length, nearest.Name.Length) / 3, 1, Farthest) ? nearest.Name : null;
    }

    /// <summary>The end of a sentence that says a name is wrong.</summary>
    public static string Question(string? near) => near is null ? "." : $"; did you mean '{near}'?";

    private static string Flat(string name) =>
        new([.. name.Where(char.IsAsciiLetterOrDigit).Select(char.ToLowerInvariant)]);

    /// <summary>Insertions, deletions, replacements and swaps of neighbours; only looked for as far as a near name can be.</summary>
    private static int Distance(string a, string b)
    {
        if (Math.Abs(a.Length - b.Length) > Farthest)
        {
            return Farthest + 1;
        }

        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = Math.Max(0, i - Farthest - 1); j <= Math.Min(b.Length, i + Farthest + 1); j++)
            {
                if (i == 0 || j == 0 || Math.Abs(i - j) > Farthest)
                {
                    rows[i, j] = i + j;
                    continue;
                }

                var replaced = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(replaced, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[a.Length, b.Length];
    }
}
