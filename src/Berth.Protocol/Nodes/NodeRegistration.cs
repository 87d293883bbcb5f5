using System.Collections.Immutable;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Protocol;

/// <summary>What a node says of itself (<c>PUT /nodes/{address}</c>, signed by that address), each time it starts or changes.</summary>
public sealed record NodeRegistration
{
    /// <summary>The market it serves: slug or address.</summary>
    public required string Market { get; init; }

    public required MachineFacts Machine { get; init; }

    public required ImmutableArray<SlotFacts> Slots { get; init; }

    /// <summary>
    /// A new one with each start of the agent, sorting after those of earlier starts (ordinal). A later agent with the same key takes over from an earlier one, whose claims are then refused
    /// (<see cref="ProblemTypes.Superseded"/>).
    /// </summary>
    public required string Instance { get; init; }

    /// <summary>What jobs' secrets are sealed with for the node, signed by it; a node without gets no job in which something is sealed.</summary>
    public EncryptionKey? EncryptionKey { get; init; }

    /// <summary>It finishes what it has and takes nothing new.</summary>
    public bool IsDraining { get; init; }
}

/// <summary>The machine as it was measured.</summary>
public sealed record MachineFacts
{
    public required int Cpus { get; init; }

    public required long MemoryMib { get; init; }

    /// <summary>Free where the engine keeps images and containers.</summary>
    public required long DiskMib { get; init; }

    /// <summary>Engine and version, <c>Docker 20.10.24</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>The agent's version.</summary>
    public required string Version { get; init; }

    /// <summary>System and architecture, <c>Debian GNU/Linux 12 x86_64</c>.</summary>
    public string? System { get; init; }

    /// <summary>The GPU driver's version.</summary>
    public string? Driver { get; init; }

    /// <summary>The CUDA version the driver offers, as major × 100 + minor; 0 without.</summary>
    public int Cuda { get; init; }

    public ImmutableArray<GpuFacts> Gpus { get; set; } = [];
}

/// <summary>One GPU.</summary>
public sealed record GpuFacts(string Uuid, string Model, long VramMib);

/// <summary>A fixed set of the node's GPUs, or none, that one run at a time may use, and its share of the machine.</summary>
public sealed record SlotFacts
{
    /// <summary>Unique on the node: <c>0</c>, <c>1</c>, …</summary>
    public required string Slot { get; init; }

    /// <summary>By UUID.</summary>
    public ImmutableArray<string> Gpus { get; set; } = [];

    public required int Cpus { get; init; }

    public required long MemoryMib { get; init; }
}

/// <summary>Where a node is.</summary>
public enum NodeState
{
    /// <summary>A slot of it waits for work.</summary>
    Waiting,

    /// <summary>All its slots have runs.</summary>
    Running,

    /// <summary>It takes nothing new.</summary>
    Draining,

    /// <summary>Nothing was heard of it for a while.</summary>
    Away,
}

/// <summary>What anybody may know of a node.</summary>
public sealed record NodeFacts
{
    public required Address Node { get; init; }

    public required NodeState State { get; init; }

    /// <summary>The market's slug.</summary>
    public required string Market { get; init; }

    public required MachineFacts Machine { get; init; }

    public required ImmutableArray<SlotFacts> Slots { get; init; }

    /// <summary>Jobs it runs now.</summary>
    public ImmutableArray<string> Jobs { get; set; } = [];

    /// <summary>What is sealed for the node with, signed by it.</summary>
    public EncryptionKey? EncryptionKey { get; init; }

    public required DateTimeOffset RegisteredAt { get; init; }

    public required DateTimeOffset LastSeen { get; init; }

    /// <summary>Attempts that ended with the job completed.</summary>
    public long Finished { get; init; }

    /// <summary>Attempts that were lost or refused.</summary>
    public long Lost { get; init; }

    /// <summary>All it was ever paid.</summary>
    public Nos Earned { get; init; }
}
