using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>The same command line on Podman's Docker-compatible socket.</summary>
public sealed class PodmanTests
{
    [Fact]
    public async Task Examples_run_on_Podman_and_leave_nothing()
    {
        var folder = Path.Combine(LabFolder.Path, LabFolder.NewName("p"));
        using var podman = new Engine((await LabFolder.RunAsync("podman", ["up", folder]))["engine"]);
        try
        {
            await podman.LoadAsync(Engine.Shared, Definition.Busybox);
            await using var desk = new Desk(podman);

            var hello = (await desk.BerthAsync("run", Checkout.Example("hello-world"))).Exited(0);
            var pipeline = (await desk.BerthAsync("run", Checkout.Example("pipeline"))).Exited(0);
            var failing = (await desk.RunAsync(new Definition().Then("one", "echo before; exit 3").Then("two", "echo never"))).Exited(1);
            var gpu = (await desk.RunAsync(Definition.Of("true", """{"gpu":true}"""))).Exited(2);

            Assert.Equal(["hello world"], hello.Lines);
            Assert.Contains("report summary = \"5 words, 4 of them different\"", pipeline.Lines);
            Assert.Equal(["one | before"], failing.Lines);
            Assert.Contains("Podman", gpu.Error, StringComparison.Ordinal);
        }
        finally
        {
            await LabFolder.RunAsync("podman", ["down", folder]);
        }
    }
}
