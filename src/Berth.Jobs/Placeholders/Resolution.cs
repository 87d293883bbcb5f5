using System.Collections.Immutable;

namespace Berth.Jobs.Placeholders;

/// <summary>What a placeholder stands for, before the place it stands in has shaped it.</summary>
internal abstract record Resolution
{
    private protected Resolution()
    {
    }
}

/// <summary>A text; one that may be JSON is read as such where it stands alone.</summary>
internal sealed record ResolvedText(string Value, bool MayBeJson) : Resolution;

/// <summary>The matches of a result pattern.</summary>
internal sealed record ResolvedMatches(ImmutableArray<string?> Matches) : Resolution;

/// <summary>Nothing, and why.</summary>
internal sealed record Unresolved(string Why, string? Suggestion = null) : Resolution;
