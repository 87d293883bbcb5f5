using Berth.Node.Capacity;
using Xunit;

namespace Berth.Tests.Node.Capacity;

/// <summary>Which GPUs there are and which are meant.</summary>
public sealed class GpuTests
{
    private const string TwoCards = "0, NVIDIA GeForce RTX 4090, GPU-aaaa, 24564, 550.54\n1, NVIDIA A100 80GB PCIe, GPU-bbbb, 81920, 550.54\n";

    [Fact]
    public void What_the_drivers_tool_prints_is_an_inventory()
    {
        var inventory = GpuInventory.Parse(TwoCards);

        Assert.Null(inventory.Fault);
        Assert.Equal(
            [new Gpu(0, "GPU-aaaa", "NVIDIA GeForce RTX 4090", 24564, "550.54"), new Gpu(1, "GPU-bbbb", "NVIDIA A100 80GB PCIe", 81920, "550.54")],
            inventory.Gpus);
    }

    [Theory]
    [InlineData("")]
    [InlineData("No devices were found\n")]
    [InlineData("0, only, three\n")]
    public void Output_without_a_card_is_a_fault(string output) => Assert.Equal("the NVIDIA driver reports no GPU", GpuInventory.Parse(output).Fault);

    [Fact]
    public void A_card_that_does_not_tell_its_memory_is_a_card() =>
        Assert.Equal(0, Assert.Single(GpuInventory.Parse("0, GB10, GPU-aaaa, [N/A], 580.1").Gpus).MemoryMiB);

    [Theory]
    [InlineData("all", "0 1")]
    [InlineData("1", "0")]
    [InlineData("2", "0 1")]
    [InlineData("#1", "1")]
    [InlineData("1,0,1", "0 1")]
    [InlineData("gpu-BBBB", "1")]
    [InlineData("0,", "0")]
    public void A_choice_means_cards_of_the_machine(string text, string indices)
    {
        var (chosen, refusal) = GpuInventory.Parse(TwoCards).Choose(GpuChoice.Read(text)!);

        Assert.Null(refusal);
        Assert.Equal(indices, string.Join(' ', chosen!.Value.Select(gpu => gpu.Index)));
    }

    [Theory]
    [InlineData("3", "3 GPUs were asked for and this machine has 2.")]
    [InlineData("#2,GPU-cccc", "There is no GPU 2, GPU-cccc here; this machine has 0 (NVIDIA GeForce RTX 4090, GPU-aaaa), 1 (NVIDIA A100 80GB PCIe, GPU-bbbb).")]
    public void A_choice_the_machine_cannot_serve_is_refused_in_a_sentence(string text, string words)
    {
        var (chosen, refusal) = GpuInventory.Parse(TwoCards).Choose(GpuChoice.Read(text)!);

        Assert.Null(chosen);
        Assert.Equal(words, refusal);
    }

    [Fact]
    public void A_machine_without_cards_serves_no_choice() =>
        Assert.Equal("The job needs a GPU and this machine has none to give: the NVIDIA driver reports no GPU.", GpuInventory.Parse("").Choose(GpuChoice.All).Refusal);

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("two")]
    [InlineData("0,two")]
    [InlineData("99999999999")]
    [InlineData(",")]
    public void What_is_no_choice_is_none(string text) => Assert.Null(GpuChoice.Read(text));
}
