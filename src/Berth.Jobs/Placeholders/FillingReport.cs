using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>Gathers what keeps an operation's arguments from being filled.</summary>
internal sealed class FillingReport(OperationId operation)
{
    private const int LongestFound = 120;
    private const int MostProblems = 100;

    private readonly ImmutableArray<Problem>.Builder _problems = ImmutableArray.CreateBuilder<Problem>();

    public bool IsClean => _problems.Count == 0;

    /// <summary>Whether looking for more would help nobody.</summary>
    public bool IsFull => _problems.Count >= MostProblems;

    public ImmutableArray<Problem> Problems => _problems.ToImmutable();

    public void Unresolved(string path, TextPosition position, Placeholder placeholder, Unresolved unresolved)
    {
        var hint = unresolved.Suggestion is { } name ? $" Did you mean '{name}'?" : "";
        Refuse(path, position, $"{placeholder.Text} has no value: {unresolved.Why}.{hint}", placeholder.Text, unresolved.Suggestion);
    }

    public void Refuse(string path, TextPosition position, string why, string? found, string? suggestion = null) => _problems.Add(new Problem
    {
        Severity = Severity.Error,
        Path = path,
        Position = position,
        Message = $"Operation '{operation}': {why}",
        Found = found is null ? null : Shortened(found),
        Suggestion = suggestion,
    });

    public static string Shortened(string text) => text.Length <= LongestFound ? text : $"{text[..LongestFound]}…";
}
