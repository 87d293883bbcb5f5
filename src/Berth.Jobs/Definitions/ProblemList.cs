using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>Gathers what is found wrong while a document is read, up to a number that a person would still read.</summary>
internal sealed class ProblemList
{
    private const int Most = 200;

    private readonly List<Problem> _errors = [];
    private readonly List<Problem> _warnings = [];

    public bool HasErrors => _errors.Count > 0;

    /// <summary>Whether further errors are only counted as "more"; costly explanations can be spared then.</summary>
    public bool IsFull => _errors.Count >= Most;

    public void Error(
        DocumentPath path,
        TextPosition position,
        string message,
        string? found = null,
        string? expected = null,
        string? suggestion = null) =>
        Add(_errors, Severity.Error, path, position, message, found, expected, suggestion);

    public void Warning(
        DocumentPath path,
        TextPosition position,
        string message,
        string? found = null,
        string? expected = null,
        string? suggestion = null) =>
        Add(_warnings, Severity.Warning, path, position, message, found, expected, suggestion);

    /// <summary>Everything, in the order of the text.</summary>
    public ImmutableArray<Problem> ToImmutable() =>
        [.. _errors.Concat(_warnings).OrderBy(problem => problem.Position.Line).ThenBy(problem => problem.Position.Column)];

    private static void Add(
        List<Problem> list,
        Severity severity,
        DocumentPath path,
        TextPosition position,
        string message,
        string? found,
        string? expected,
        string? suggestion)
    {
        if (list.Count > Most)
        {
            return;
        }

        var isLast = list.Count == Most;
        list.Add(new Problem
        {
            Severity = severity,
            Path = path.ToString(),
            Position = position,
            Message = isLast ? $"There is more than these {Most}; mend them and read again." : message,
            Found = isLast ? null : found,
            Expected = isLast ? null : expected,
            Suggestion = isLast ? null : suggestion,
        });
    }
}
