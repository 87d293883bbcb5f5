using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>One step of a job (job-language.md 1.5): run a container or create a volume.</summary>
public abstract record Operation
{
    private protected Operation()
    {
    }

    public required OperationId Id { get; init; }

    /// <summary>Zero-based place in the document's <c>ops</c>; part of container names and endpoint ids.</summary>
    public required int Index { get; init; }

    public Execution Execution { get; init; } = Execution.Default;

    public ImmutableArray<ResultPattern> Results { get; init; } = [];

    /// <summary>
    /// The arguments as written with the globals merged in, placeholders and markers still in them: what is filled right
    /// before the operation starts.
    /// </summary>
    public required ObjectNode Template { get; init; }
}

/// <summary>Runs one container (<c>container/run</c>).</summary>
public sealed record RunContainer : Operation
{
    /// <summary>The merged arguments as far as the text tells: where a placeholder or a secret stands, its text stands; elements that are markers are left out.</summary>
    public required ContainerArguments Arguments { get; init; }

    /// <summary>Whether anything in <see cref="Operation.Template"/>, a placeholder or a secret, must be filled before it can be run.</summary>
    public required bool HasPlaceholders { get; init; }
}

/// <summary>Creates a volume that lives as long as the run (<c>container/create-volume</c>).</summary>
public sealed record CreateVolume : Operation
{
    public required string Name { get; init; }
}

/// <summary>When an operation may start and how long it may run (job-language.md 1.9).</summary>
public sealed record Execution
{
    public static Execution Default { get; } = new();

    /// <summary>The stage as written; null means a stage of the operation's own.</summary>
    public string? Group { get; init; }

    public ImmutableArray<OperationId> DependsOn { get; init; } = [];

    public bool StopIfDependentStops { get; init; }

    /// <summary>The longest the container may run, pulls excluded; null is no limit.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>Which stream an entry of the log came from.</summary>
public enum LogStream
{
    Stdout,
    Stderr,

    /// <summary>Said by the node about the operation, not by the container.</summary>
    Node,

    Stdin,
}

/// <summary>One entry of <c>results</c> (job-language.md 1.10): an ECMAScript pattern run over each log entry of the streams named.</summary>
public sealed record ResultPattern(string Key, string Pattern, ImmutableArray<LogStream> Streams)
{
    /// <summary>Whether entries of the stream are searched; no stream named means all.</summary>
    public bool Covers(LogStream stream) => Streams.IsEmpty || Streams.Contains(stream);
}
