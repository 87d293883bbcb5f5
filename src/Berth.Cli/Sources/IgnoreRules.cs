namespace Berth.Cli.Sources;

/// <summary>
/// The rules of one <c>.gitignore</c> or <c>.berthignore</c> (git-scm.com/docs/gitignore), for the folder it lies in. The last rule that matches a path counts.
/// </summary>
internal sealed class IgnoreRules
{
    private readonly List<Rule> _rules = [];

    private IgnoreRules()
    {
    }

    /// <summary>Reads the rules, one a line.</summary>
    public static IgnoreRules Read(IEnumerable<string> lines)
    {
        var rules = new IgnoreRules();
        rules._rules.AddRange(lines.Select(Rule.Read).OfType<Rule>());
        return rules;
    }

    /// <summary>Whether the path, its parts from the rules' folder on, is ignored; null when no rule says anything of it.</summary>
    public bool? Ignores(ReadOnlySpan<string> path, bool isFolder)
    {
        for (var index = _rules.Count - 1; index >= 0; index--)
        {
            if (_rules[index].Matches(path, isFolder))
            {
                return !_rules[index].IsException;
            }
        }

        return null;
    }

    private sealed record Rule(string[] Parts, bool IsException, bool IsForFolders)
    {
        private const string AnyDepth = "**";

        public static Rule? Read(string line)
        {
            var text = WithoutTrailingBlanks(line.TrimEnd('\r'));
            if (text.Length == 0 || text[0] == '#')
            {
                return null;
            }

            var isException = text[0] == '!';
            text = isException ? text[1..] : text;
            var isForFolders = text.EndsWith('/');
            text = isForFolders ? text[..^1] : text;
            var isAnchored = text.Contains('/', StringComparison.Ordinal);
            var parts = text.TrimStart('/').Split('/');
            return text.Trim('/').Length == 0 ? null : new Rule(isAnchored ? parts : [AnyDepth, .. parts], isException, isForFolders);
        }

        public bool Matches(ReadOnlySpan<string> path, bool isFolder) => (isFolder || !IsForFolders) && Matches(Parts, path);

        private static string WithoutTrailingBlanks(string line)
        {
            var end = line.Length;
            while (end > 0 && line[end - 1] == ' ' && !(end > 1 && line[end - 2] == '\\'))
            {
                end--;
            }

            return line[..end];
        }

        private static bool Matches(ReadOnlySpan<string> pattern, ReadOnlySpan<string> path)
        {
            if (pattern.IsEmpty)
            {
                return path.IsEmpty;
            }

            if (pattern[0] != AnyDepth)
            {
                return !path.IsEmpty && MatchesPart(pattern[0], path[0]) && Matches(pattern[1..], path[1..]);
            }

            // At the end it stands for everything inside, not for the folder itself.
            for (var skipped = pattern.Length == 1 ? 1 : 0; skipped <= path.Length; skipped++)
            {
                if (Matches(pattern[1..], path[skipped..]))
                {
                    return true;
                }
            }

            return false;
        }

        private static bool MatchesPart(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
        {
            while (!pattern.IsEmpty)
            {
                switch (pattern[0])
                {
                    case '*':
                        for (var taken = 0; taken <= name.Length; taken++)
                        {
                            if (MatchesPart(pattern[1..], name[taken..]))
                            {
                                return true;
                            }
                        }

                        return false;
                    case var _ when name.IsEmpty:
                        return false;
                    case '?':
                        break;
                    case '[' when pattern[1..].IndexOf(']') >= 0:
                        if (!MatchesSet(ref pattern, name[0]))
                        {
                            return false;
                        }

                        name = name[1..];
                        continue;
                    case '\\' when pattern.Length > 1:
                        pattern = pattern[1..];
                        goto default;
                    default:
                        if (pattern[0] != name[0])
                        {
                            return false;
                        }

                        break;
                }

                pattern = pattern[1..];
                name = name[1..];
            }

            return name.IsEmpty;
        }

        private static bool MatchesSet(ref ReadOnlySpan<char> pattern, char character)
        {
            var isOpposite = pattern[1] is '!' or '^';
            var start = isOpposite ? 2 : 1;

            // A bracket that comes first is one of the set.
            var end = start + 1 + pattern[(start + 1)..].IndexOf(']');
            var set = pattern[start..end];
            pattern = pattern[(end + 1)..];
            for (var index = 0; index < set.Length; index++)
            {
                if (index + 2 < set.Length && set[index + 1] == '-')
                {
                    if (character >= set[index] && character <= set[index + 2])
                    {
                        return !isOpposite;
                    }

                    index += 2;
                }
                else if (set[index] == character)
                {
                    return !isOpposite;
                }
            }

            return isOpposite;
        }
    }
}
