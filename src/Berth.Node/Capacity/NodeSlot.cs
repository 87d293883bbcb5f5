using System.Collections.Immutable;
using Berth.Containers;
using Berth.Node.Runs;
using Berth.Protocol;

namespace Berth.Node.Capacity;

/// <summary>A fixed set of the node's GPUs, by UUID, or none, and one of so many equal shares of the machine. One run at a time may use it.</summary>
public sealed record NodeSlot(string Name, ImmutableArray<string> Gpus, int Shares)
{
    /// <summary>What a run of this slot may ask for.</summary>
    public GpuChoice Choice => Gpus.IsEmpty ? GpuChoice.None : new These(Gpus);

    /// <summary>
    /// The slots that the choices make of the machine, in their order; without a choice it is one slot with all GPUs. Null with a sentence when they cannot be.
    /// </summary>
    public static (ImmutableArray<NodeSlot>? Slots, string? Refusal) Divide(ImmutableArray<GpuChoice> choices, GpuInventory inventory)
    {
        if (choices.IsEmpty)
        {
            return ([new NodeSlot("0", [.. inventory.Gpus.Select(gpu => gpu.Uuid)], 1)], null);
        }

        var slots = ImmutableArray.CreateBuilder<NodeSlot>();
        foreach (var choice in choices)
        {
            if (choice is not NoneOfThem && inventory.Fault is { } fault)
            {
                return (null, $"A slot with GPUs was asked for and this machine has none to give: {fault}. Give it a slot without: --slot none.");
            }

            var (chosen, refusal) = inventory.Choose(choice);
            if (chosen is not { } gpus)
            {
                return (null, refusal);
            }

            if (gpus.FirstOrDefault(gpu => slots.Any(slot => slot.Gpus.Contains(gpu.Uuid))) is { } twice)
            {
                return (null, $"GPU {twice.Index} ({twice.Uuid}) is in two slots; one run at a time may use it.");
            }

            slots.Add(new NodeSlot($"{slots.Count}", [.. gpus.Select(gpu => gpu.Uuid)], choices.Length));
        }

        return (slots.ToImmutable(), null);
    }

    /// <summary>What the market is told of it.</summary>
    public SlotFacts Facts(EngineDescription engine)
    {
        var share = RunAdmission.CeilingOf(engine, Shares);
        return new SlotFacts
        {
            Slot = Name,
            Gpus = Gpus,
            Cpus = Math.Max(1, engine.Cpus / Shares),
            MemoryMib = (share.MemoryBytes ?? (engine.MemoryBytes / Shares)) >> 20,
        };
    }

    /// <summary>Neither may run while the other does.</summary>
    public bool Excludes(NodeSlot other) => Name == other.Name || Gpus.Intersect(other.Gpus).Any();
}
