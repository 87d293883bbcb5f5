using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>Gathers what keeps an operation's arguments from being filled.</summary>
internal sealed class FillingReport(OperationId operation)
{
    private readonly ProblemList _problems = new();

    public bool IsClean => !_problems.HasErrors;

    /// <summary>Whether looking for more would help nobody.</summary>
    public bool IsFull => _problems.IsFull;

    public ImmutableArray<Problem> Problems => _problems.ToImmutable();

    public void Unresolved(DocumentPath path, TextPosition position, Placeholder placeholder, Unresolved unresolved) => Refuse(
        path,
        position,
        $"{placeholder.Text} has no value: {unresolved.Why}{NearName.Question(unresolved.Suggestion)}",
        placeholder.Text,
        unresolved.Suggestion);

    public void Refuse(DocumentPath path, TextPosition position, string why, string? found = null, string? suggestion = null) =>
        _problems.Error(path, position, $"Operation '{operation}': {why}", found, suggestion: suggestion);
}
