using System.Text;
using Berth.Jobs.Definitions;
using Berth.Protocol;
using Xunit;

namespace Berth.Tests.Market;

public sealed class RequirementsTests
{
    [Theory]
    [InlineData("{}", "", 0, 0, 0, 0, 0, 0)]
    [InlineData("{}", "\"gpu\":true", 1, 0, 0, 0, 0, 0)]
    [InlineData("""{"gpu_count":4}""", "\"gpu\":true", 4, 0, 0, 0, 0, 0)]
    [InlineData("""{"gpu_count":2}""", "", 2, 0, 0, 0, 0, 0)]
    [InlineData("""{"required_vram":24}""", "\"gpu\":true", 1, 24_576, 0, 0, 0, 0)]
    [InlineData("""{"required_vram":24}""", "", 0, 0, 0, 0, 0, 0)]
    [InlineData("""{"required_vram":8}""", "\"gpu\":true,\"required_vram\":40", 1, 40_960, 0, 0, 0, 0)]
    [InlineData("""{"vram_total_mb":12000}""", "\"gpu\":true", 1, 12_000, 0, 0, 0, 0)]
    [InlineData("""{"required_cuda":["12.8","11.7","12.1"]}""", "\"gpu\":true", 1, 0, 1107, 0, 0, 0)]
    [InlineData("""{"required_cuda":"12"}""", "\"gpu\":true", 1, 0, 1200, 0, 0, 0)]
    [InlineData("""{"required_cuda":[12.4]}""", "\"gpu\":true", 1, 0, 1204, 0, 0, 0)]
    [InlineData("""{"required_ram":16,"required_disk":0.5,"required_cpu":8}""", "", 0, 0, 0, 16_384, 512, 8)]
    [InlineData("""{"ram_gb":"32","disk_gb":100,"something":{"else":1}}""", "", 0, 0, 0, 32_768, 102_400, 0)]
    [InlineData("""{"required_vram":null,"required_cuda":null}""", "\"gpu\":true", 1, 0, 0, 0, 0, 0)]
    public void What_a_job_needs_is_read_from_its_definition(string asked, string arguments, int gpus, long vram, int cuda, long memory, long disk, int cpus)
    {
        var (needs, faults) = Read(asked, arguments);

        Assert.Empty(faults);
        Assert.Equal(new JobRequirements { Gpus = gpus, VramMib = vram, Cuda = cuda, MemoryMib = memory, DiskMib = disk, Cpus = cpus }, needs);
    }

    [Theory]
    [InlineData("""{"required_vram":"lots"}""", "required_vram")]
    [InlineData("""{"required_vram":-1}""", "required_vram")]
    [InlineData("""{"required_vram":1e300}""", "required_vram")]
    [InlineData("""{"gpu_count":{}}""", "gpu_count")]
    [InlineData("""{"required_cuda":["new"]}""", "required_cuda")]
    [InlineData("""{"required_cuda":[null]}""", "required_cuda")]
    [InlineData("""{"required_cuda":"12.8.1.999999999999"}""", null)]
    [InlineData("""{"required_cuda":"99999999999"}""", "required_cuda")]
    [InlineData("""{"required_cpu":5000}""", "required_cpu")]
    public void What_cannot_be_read_is_told_and_never_guessed(string asked, string? told)
    {
        var (_, faults) = Read(asked, "\"gpu\":true");

        Assert.Equal(told is null ? 0 : 1, faults.Count);
        Assert.All(faults, fault => Assert.Contains(told!, fault, StringComparison.Ordinal));
    }

    [Fact]
    public void The_model_asked_for_is_a_part_of_its_name() =>
        Assert.Equal("RTX 4090", Read("""{"gpu_model":"RTX 4090"}""", "\"gpu\":true").Needs.GpuModel);

    private static (JobRequirements Needs, List<string> Faults) Read(string asked, string arguments)
    {
        var text = $$$"""{"version":"0.1","type":"container","meta":{"system_requirements":{{{asked}}}},"ops":[{"type":"container/run","id":"a","args":{"image":"i"{{{(arguments.Length > 0 ? "," : "")}}}{{{arguments}}} }}]}""";
        var reading = JobDefinitionReader.Read(Encoding.UTF8.GetBytes(text), DocumentFormat.Json);
        var faults = new List<string>();
        return (Requirements.Of(reading.Definition ?? throw new InvalidOperationException(string.Join(" ", reading.Problems.Select(problem => problem.Message))), faults), faults);
    }
}
