using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Jobs;

/// <summary>What a slot offers, for the question of what fits it.</summary>
internal sealed record Slot
{
    public required Address Node { get; init; }

    public required string Name { get; init; }

    public int Gpus { get; init; }

    /// <summary>Of its smallest GPU.</summary>
    public long VramMib { get; init; }

    /// <summary>Of its GPUs, small letters.</summary>
    public string Model { get; init; } = "";

    public int Cuda { get; init; }

    public long MemoryMib { get; init; }

    public long DiskMib { get; init; }

    public int Cpus { get; init; }

    /// <summary>Its node has an encryption key: what is sealed can be handed over to it.</summary>
    public bool Seals { get; init; }

    /// <summary>The slot of a registration, with the disk that is free now.</summary>
    public static Slot Of(Address node, MachineFacts machine, SlotFacts slot, long diskMib, bool seals)
    {
        var gpus = machine.Gpus.Where(gpu => slot.Gpus.Contains(gpu.Uuid)).ToList();
        return new Slot
        {
            Node = node,
            Name = slot.Slot,
            Gpus = gpus.Count,
            VramMib = gpus.Count == 0 ? 0 : gpus.Min(gpu => gpu.VramMib),
            Model = string.Join(", ", gpus.Select(gpu => gpu.Model).Distinct()).ToLowerInvariant(),
            Cuda = gpus.Count == 0 ? 0 : machine.Cuda,
            MemoryMib = slot.MemoryMib,
            DiskMib = diskMib,
            Cpus = slot.Cpus,
            Seals = seals,
        };
    }

    public (string Name, object? Value)[] Parameters() =>
    [
        ("node", Node.Value), ("slot", Name), ("gpus", Gpus), ("vram", VramMib), ("model", Model), ("cuda", Cuda), ("memory", MemoryMib), ("disk", DiskMib), ("cpus", Cpus), ("seals", Seals ? 1 : 0),
    ];
}
