using System.Collections.Immutable;
using Berth.Jobs.Results;

namespace Berth.Jobs.Placeholders;

/// <summary>Everything a placeholder may name (job-language.md 1.12), as it is known right before an operation starts.</summary>
public sealed record PlaceholderValues
{
    public required JobId Job { get; init; }

    /// <summary>The node's address; "local" outside a network.</summary>
    public required string Host { get; init; }

    /// <summary>The address of the job's owner; "local" outside a network.</summary>
    public required string Project { get; init; }

    /// <summary>The domain endpoints are served under.</summary>
    public required string IngressDomain { get; init; }

    public required string Version { get; init; }

    public ImmutableDictionary<string, string> Variables { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>The values of the secrets that the definition names.</summary>
    public ImmutableDictionary<string, string> Secrets { get; init; } = ImmutableDictionary<string, string>.Empty;

    public ImmutableDictionary<OperationId, OperationValues> Operations { get; init; } = ImmutableDictionary<OperationId, OperationValues>.Empty;
}

/// <summary>What placeholders may name of one operation.</summary>
public sealed record OperationValues
{
    /// <summary>The DNS name <c>&lt;job&gt;-&lt;index&gt;</c>, known from the start.</summary>
    public required string Host { get; init; }

    /// <summary>Known once the container runs.</summary>
    public string? ContainerAddress { get; init; }

    /// <summary>Public host name per exposed port, the port as written.</summary>
    public ImmutableDictionary<string, string> Endpoints { get; init; } = ImmutableDictionary<string, string>.Empty;

    public string? DeploymentEndpoint { get; init; }

    /// <summary>Known once the operation ended.</summary>
    public ImmutableDictionary<string, ResultValue> Results { get; init; } = ImmutableDictionary<string, ResultValue>.Empty;
}
