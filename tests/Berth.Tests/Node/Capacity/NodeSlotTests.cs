using Berth.Node.Capacity;
using Xunit;

namespace Berth.Tests.Node.Capacity;

/// <summary>How a machine is divided among its slots.</summary>
public sealed class NodeSlotTests
{
    private static readonly GpuInventory Two = GpuInventory.Parse("0, RTX 4090, GPU-aaaa, 24564, 550.54\n1, RTX 4090, GPU-bbbb, 24564, 550.54\n");
    private static readonly GpuInventory None = new([], "there is no nvidia-smi here");

    [Fact]
    public void Left_alone_it_is_one_slot_with_all_gpus()
    {
        Assert.Equal(["GPU-aaaa", "GPU-bbbb"], Assert.Single(NodeSlot.Divide([], Two).Slots!.Value).Gpus);
        Assert.Empty(Assert.Single(NodeSlot.Divide([], None).Slots!.Value).Gpus);
    }

    [Fact]
    public void Slots_keep_their_gpus_by_uuid_and_share_the_rest_equally()
    {
        var slots = NodeSlot.Divide([GpuChoice.Read("1,")!, GpuChoice.Read("GPU-aaaa")!, GpuChoice.None], Two).Slots!.Value;

        Assert.Equal(["GPU-bbbb", "GPU-aaaa", ""], slots.Select(slot => string.Join(',', slot.Gpus)));
        Assert.Equal([("0", 3), ("1", 3), ("2", 3)], slots.Select(slot => (slot.Name, slot.Shares)));
        Assert.False(slots[0].Excludes(slots[1]));
        Assert.True(slots[0].Excludes(slots[1] with { Gpus = ["GPU-bbbb"] }));
    }

    [Fact]
    public void What_cannot_be_divided_so_is_refused_with_a_sentence()
    {
        Assert.Contains("is in two slots", NodeSlot.Divide([GpuChoice.All, GpuChoice.Read("0,")!], Two).Refusal, StringComparison.Ordinal);
        Assert.Contains("There is no GPU 7 here", NodeSlot.Divide([GpuChoice.Read("7,")!], Two).Refusal, StringComparison.Ordinal);
        Assert.Contains("--slot none", NodeSlot.Divide([GpuChoice.All], None).Refusal, StringComparison.Ordinal);
        Assert.NotNull(NodeSlot.Divide([GpuChoice.None, GpuChoice.None], None).Slots);
    }

    [Theory]
    [InlineData("| NVIDIA-SMI 550.54.15    Driver Version: 550.54.15    CUDA Version: 12.4     |", 1204)]
    [InlineData("| NVIDIA-SMI 580.95.05    Driver Version: 580.95.05    CUDA Version: 13.0     |", 1300)]
    [InlineData("KMD Version : 590.1   CUDA UMD Version : 13.1", 1301)]
    [InlineData("| CUDA Version: N/A |", 0)]
    [InlineData("", 0)]
    public void The_cuda_version_is_read_from_what_the_tool_prints(string page, int version) => Assert.Equal(version, GpuInventory.ParseCuda(page));
}
