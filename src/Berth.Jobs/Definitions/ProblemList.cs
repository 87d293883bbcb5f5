using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>Gathers what is found wrong while a document is read, up to a number and a length that a person would still read.</summary>
internal sealed class ProblemList
{
    private const int Most = 200;
    private const int LongestMessage = 2000;
    private const int LongestFound = 200;

    private readonly List<Problem> _errors = [];
    private readonly List<Problem> _warnings = [];

    public bool HasErrors => _errors.Count > 0;

    /// <summary>Whether further errors are not even counted; costly explanations can be spared then.</summary>
    public bool IsFull => _errors.Count > Most;

    public void Error(DocumentPath path, TextPosition position, string message, string? found = null, string? expected = null, string? suggestion = null) =>
        Add(_errors, Severity.Error, path, position, message, found, expected, suggestion);

    public void Warning(DocumentPath path, TextPosition position, string message, string? found = null, string? suggestion = null) =>
        Add(_warnings, Severity.Warning, path, position, message, found, null, suggestion);

    /// <summary>Everything, in the order of the text.</summary>
    public ImmutableArray<Problem> ToImmutable() =>
        [.. _errors.Concat(_warnings).OrderBy(problem => problem.Position.Line).ThenBy(problem => problem.Position.Column)];

    public static string Shortened(string text, int most) => text.Length <= most ? text : $"{text[..most]}…";

    private static void Add(
        List<Problem> list, Severity severity, DocumentPath path, TextPosition position, string message, string? found, string? expected, string? suggestion)
    {
        if (list.Count > Most)
        {
            return;
        }

        var place = new Problem { Severity = severity, Path = path.ToString(), Position = position, Message = $"There is more than these {Most}; mend them and read again." };
        list.Add(list.Count == Most ? place : place with
        {
            Message = Shortened(message, LongestMessage),
            Found = found is null ? null : Shortened(found, LongestFound),
            Expected = expected,
            Suggestion = suggestion,
        });
    }
}
