namespace Berth.Jobs.Placeholders;

/// <summary>What family of values a <see cref="Placeholder"/> names.</summary>
public enum PlaceholderKind
{
    /// <summary>A fact about the run: <c>%%global.job%%</c>.</summary>
    Global,

    /// <summary>One of the definition's variables: <c>%%global.variables.NAME%%</c>.</summary>
    Variable,

    /// <summary>Something of an operation: <c>%%ops.ID.host%%</c>.</summary>
    Operation,
}

/// <summary>One <c>%%…%%</c> in a text (job-language.md 1.12), taken apart and not yet resolved.</summary>
public sealed record Placeholder(PlaceholderKind Kind, string Member)
{
    /// <summary>The operation named; only for <see cref="PlaceholderKind.Operation"/>.</summary>
    public OperationId? Operation { get; init; }

    /// <summary>What follows the member: a variable's name, a port, a result's key.</summary>
    public string? Key { get; init; }

    /// <summary>More than one known operation could be meant, since ids may contain dots; quotes around the id settle it.</summary>
    public bool IsAmbiguous { get; init; }

    /// <summary>Where it begins in its text.</summary>
    public required int Start { get; init; }

    /// <summary>As written, percent signs included.</summary>
    public required string Text { get; init; }
}
