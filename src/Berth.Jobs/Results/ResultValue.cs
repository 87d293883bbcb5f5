using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Berth.Jobs.Results;

/// <summary>What one result pattern took from a log (job-language.md 3.12): the matches, or why the pattern could not be used.</summary>
[JsonConverter(typeof(ResultValueConverter))]
public sealed record ResultValue
{
    /// <summary>Full match and capture groups of each matching entry, in order; a group that took no part is null.</summary>
    public ImmutableArray<string?> Matches { get; init; } = [];

    /// <summary><c>SyntaxError: …</c> or <c>TimeoutError: …</c> instead of matches.</summary>
    public string? Error { get; init; }
}
