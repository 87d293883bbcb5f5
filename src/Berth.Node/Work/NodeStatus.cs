using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Berth.Jobs;
using Berth.Protocol.Identity;

namespace Berth.Node.Work;

/// <summary>What a node does at this moment, as <c>berth node status</c> shows it.</summary>
public sealed record NodeStatus
{
    public required Address Node { get; init; }

    public required string Market { get; init; }

    public required string Version { get; init; }

    public required int Process { get; init; }

    public required DateTimeOffset Since { get; init; }

    /// <summary>It takes nothing new.</summary>
    public bool IsDraining { get; init; }

    /// <summary>The server answered when it was last spoken to.</summary>
    public bool IsServerThere { get; init; }

    public ImmutableArray<SlotStatus> Slots { get; init; } = [];
}

/// <summary>One slot; <see cref="Job"/> is null while it waits for work or is made ready.</summary>
public sealed record SlotStatus(string Slot, ImmutableArray<string> Gpus)
{
    /// <summary>It asks for work; false while it works, and before the node is ready.</summary>
    public bool IsWaiting { get; init; }

    public JobId? Job { get; init; }

    public RunId? Run { get; init; }

    /// <summary>When it took the job.</summary>
    public DateTimeOffset? Since { get; init; }
}

/// <summary>The JSON of a node's socket.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(NodeWish))]
public sealed partial class NodeJson : JsonSerializerContext;
