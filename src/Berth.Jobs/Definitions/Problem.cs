namespace Berth.Jobs.Definitions;

/// <summary>How much a <see cref="Problem"/> weighs: an error refuses the definition, a warning does not.</summary>
public enum Severity
{
    Error,
    Warning,
}

/// <summary>One thing that is wrong or doubtful in a definition, told so that its writer can mend it.</summary>
public sealed record Problem
{
    public required Severity Severity { get; init; }

    /// <summary>JSON path, such as <c>$.ops[0].args.image</c>.</summary>
    public required string Path { get; init; }

    public required TextPosition Position { get; init; }

    /// <summary>One sentence: what is wrong and, where there is one, the mend.</summary>
    public required string Message { get; init; }

    /// <summary>What stands there, shortened; null when nothing does.</summary>
    public string? Found { get; init; }

    /// <summary>What was expected there.</summary>
    public string? Expected { get; init; }

    /// <summary>The near name the writer probably meant ("did you mean").</summary>
    public string? Suggestion { get; init; }
}
