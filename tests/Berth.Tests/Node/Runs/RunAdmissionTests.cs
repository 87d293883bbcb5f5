using Berth.Containers;
using Berth.Node.Capacity;
using Berth.Node.Runs;
using Berth.Testing.Runs;
using Xunit;
using static Berth.Testing.Runs.TestRun;

namespace Berth.Tests.Node.Runs;

/// <summary>A job that cannot run here is refused with a sentence before anything is pulled or made.</summary>
public sealed class RunAdmissionTests
{
    [Fact]
    public async Task Podman_without_cdi_is_refused_a_gpu()
    {
        using var run = Of(WantsGpu);
        run.Engine.Description = run.Engine.Description with { Name = "Podman" };

        Assert.Contains("Podman", (await AdmitAsync(run)).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_engine_elsewhere_is_asked_for_the_gpus_as_they_were_chosen()
    {
        using var run = Of(WantsGpu);
        run.Engine.Description = run.Engine.Description with { IsLocal = false };

        Assert.Equal(GpuRequest.All, (await AdmitAsync(run)).Gpu);
        Assert.Equal(new GpuCount(2), (await AdmitAsync(run, GpuChoice.Read("2"))).Gpu);
        Assert.Equal(["0", "2"], Assert.IsType<GpuDevices>((await AdmitAsync(run, GpuChoice.Read("0,2"))).Gpu).Ids);
    }

    [Fact]
    public async Task Without_gpus_a_job_that_wants_them_runs_with_a_warning()
    {
        using var run = Of(WantsGpu);

        var admission = await AdmitAsync(run, gpu: null);

        Assert.Null(admission.Refusal);
        Assert.Null(admission.Gpu);
        Assert.Contains("--no-gpu", Assert.Single(admission.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(32L, 8, 29_491L)]
    [InlineData(256L, 64, 258_048L)]
    [InlineData(2L, 2, 1_536L)]
    [InlineData(1L, 1, null)]
    public async Task A_container_may_use_the_machine_less_a_reserve(long gibibytes, int cpus, long? mebibytes)
    {
        using var run = Of(Op("only", "fake/exit-0"));
        run.Engine.Description = run.Engine.Description with { MemoryBytes = gibibytes << 30, Cpus = cpus, EnforcesLimits = false };

        var admission = await AdmitAsync(run);

        Assert.Equal((mebibytes, (double?)cpus), (admission.Ceiling.MemoryBytes >> 20, admission.Ceiling.Cpus));
        Assert.Contains("ignores limits", Assert.Single(admission.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Docker", true, false, true)]
    [InlineData("Podman", true, false, false)]
    [InlineData("Docker", false, false, false)]
    [InlineData("Docker", true, true, false)]
    public async Task Only_Docker_with_root_on_this_machine_lets_a_run_be_prepared_before_its_network_is_there(string engine, bool isLocal, bool isRootless, bool ahead)
    {
        using var run = Of(Op("only", "fake/exit-0"));
        run.Engine.Description = run.Engine.Description with { Name = engine, IsLocal = isLocal, IsRootless = isRootless };

        Assert.Equal(ahead, (await AdmitAsync(run)).CanPrepareAhead);
    }

    private static string WantsGpu => Op("only", "fake/exit-0", """ "gpu": true """);

    private static Task<RunAdmission> AdmitAsync(TestRun run) => AdmitAsync(run, GpuChoice.All);

    private static Task<RunAdmission> AdmitAsync(TestRun run, GpuChoice? gpu) =>
        RunAdmission.ForAsync(run.Request with { Gpu = gpu }, run.Engine, run.Clock, TestContext.Current.CancellationToken);
}
