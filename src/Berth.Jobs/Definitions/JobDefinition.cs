using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>
/// The document a person writes, read: holding one is proof that it is valid. Only <c>JobDefinitionReader</c> makes it.
/// Every field of job-language.md 1.2 is here or in <see cref="Document"/>.
/// </summary>
public sealed record JobDefinition
{
    public required string Version { get; init; }

    public required Meta Meta { get; init; }

    public required GlobalDefaults Global { get; init; }

    public required ImmutableArray<Operation> Operations { get; init; }

    public Logistics? Logistics { get; init; }

    public string? DeploymentId { get; init; }

    public ImmutableArray<string> SshPublicKeys { get; init; } = [];

    /// <summary>The whole document as it was written, for what must be kept and not interpreted.</summary>
    public required ObjectNode Document { get; init; }
}

/// <summary>Free notes on a job; unknown members are allowed here and only here (job-language.md 1.3).</summary>
public sealed record Meta(string? Trigger, ObjectNode? SystemRequirements);

/// <summary>Defaults for every operation (job-language.md 1.4); variables are only reachable by placeholders.</summary>
public sealed record GlobalDefaults
{
    public static GlobalDefaults None { get; } = new();

    public string? Image { get; init; }

    public bool? Gpu { get; init; }

    public ImmutableArray<string>? Entrypoint { get; init; }

    public string? WorkDir { get; init; }

    public ImmutableArray<KeyValuePair<string, string>> Env { get; init; } = [];

    public ImmutableArray<KeyValuePair<string, string>> Variables { get; init; } = [];
}

/// <summary>How definition and result travel in a confidential job (job-language.md 1.11); kept, acted on by the market.</summary>
public sealed record Logistics(LogisticsLeg? Send, LogisticsLeg? Receive);

/// <summary>One direction of <see cref="Logistics"/>: <c>api</c> or <c>api-listen</c>.</summary>
public sealed record LogisticsLeg(string Type, string? Endpoint);
