using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>Jobs that want GPUs, on machines that have them, have them broken, or have none. The drivers are pretend, the engine's way to them is not.</summary>
public sealed class GpuTests : IAsyncLifetime
{
    private const string WantsGpu = """{"gpu":true}""";
    private PretendGpu _gpu = null!;
    private PretendMachine _machine = null!;

    public async ValueTask InitializeAsync()
    {
        _gpu = await PretendGpu.MakeAsync(cards: 2);
        _machine = await PretendMachine.StartAsync(enginePath: _gpu.Path);
    }

    public async ValueTask DisposeAsync()
    {
        await _machine.DisposeAsync();
        await _gpu.DisposeAsync();
    }

    [Theory]
    [InlineData("all", "visible=all")]
    [InlineData("1", "visible=GPU-00000000-0000-0000-0000-000000000000")]
    [InlineData("#1", "visible=GPU-00000000-0000-0000-0000-000000000001")]
    public async Task A_container_gets_the_GPUs_that_were_chosen(string choice, string granted)
    {
        await using var desk = new Desk(_machine.Engine, path: _gpu.Path);

        var said = (await desk.RunAsync(Definition.Of("nvidia-smi -L", WantsGpu), "--gpu", choice)).Exited(0);

        Assert.Contains(granted, Assert.Single(_gpu.Calls), StringComparison.Ordinal);
        Assert.Equal(choice == "all" ? 2 : 1, said.Lines.Length);
    }

    [Fact]
    public async Task More_GPUs_than_there_are_is_refused()
    {
        await using var desk = new Desk(_machine.Engine, path: _gpu.Path);

        var said = (await desk.RunAsync(Definition.Of("true", WantsGpu), "--gpu", "3")).Exited(2);

        Assert.Contains("3 GPUs were asked for and this machine has 2", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_machine_without_a_driver_refuses_before_anything_is_pulled()
    {
        await using var desk = new Desk(_machine.Engine);
        var job = Definition.Of("true", """{"gpu":true,"image":"10.219.0.1:1/never:1"}""");

        var said = (await desk.RunAsync(job)).Exited(2);

        Assert.Contains("no NVIDIA driver is installed", said.Error, StringComparison.Ordinal);
        Assert.Contains("--no-gpu", said.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("pulling", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_driver_whose_tool_fails_refuses_in_the_tools_own_words()
    {
        await using var desk = new Desk(_machine.Engine, path: WithBrokenTool());

        var said = (await desk.RunAsync(Definition.Of("true", """{"gpu":true,"image":"10.219.0.1:1/never:1"}"""))).Exited(2);

        Assert.Contains("couldn't communicate with the NVIDIA driver", said.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("pulling", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_driver_the_engine_cannot_start_says_so()
    {
        await _gpu.BreakHookAsync();
        await using var desk = new Desk(_machine.Engine, path: _gpu.Path);

        var said = (await desk.RunAsync(Definition.Of("echo never", WantsGpu))).Exited(2);

        Assert.Contains("driver not loaded", said.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("never", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_GPUs_on_request_the_job_runs_anyway()
    {
        await using var desk = new Desk(_machine.Engine, path: WithBrokenTool());

        var said = (await desk.RunAsync(Definition.Of("echo without", WantsGpu), "--no-gpu")).Exited(0);

        Assert.Equal(["without"], said.Lines);
        Assert.Contains("--no-gpu runs it without", said.Error, StringComparison.Ordinal);
        Assert.Empty(_gpu.Calls);
    }

    private static string WithBrokenTool()
    {
        var folder = Directory.CreateDirectory(Path.Combine(LabFolder.Path, LabFolder.NewName("broken"))).FullName;
        var tool = Path.Combine(folder, "nvidia-smi");
        File.WriteAllText(tool, "#!/bin/sh\necho \"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\"\nexit 9\n");
        File.SetUnixFileMode(tool, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return folder;
    }
}
