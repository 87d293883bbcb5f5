using Berth.Containers;
using Berth.Testing.Containers;
using Xunit;

namespace Berth.Tests.Containers;

/// <summary>What every engine promises, kept by the scripted one.</summary>
public sealed class FakeContainerEngineTests : ContainerEngineTests
{
    private readonly FakeContainerEngine _engine = new(TimeProvider.System);

    protected override IContainerEngine Engine => _engine;

    [Fact]
    public async Task What_is_being_waited_for_breaks_off_when_the_engine_goes_down_and_is_there_when_it_comes_back()
    {
        var name = await StartAsync(RunsUntilStopped());
        var waiting = Engine.WaitAsync(name, Ct);
        var reading = ReadAsync(name, follow: true);

        _engine.GoDown();

        Assert.Equal(EngineFault.Unreachable, (await Assert.ThrowsAsync<EngineException>(() => waiting)).Fault);
        Assert.Equal(EngineFault.Unreachable, (await Assert.ThrowsAsync<EngineException>(() => reading)).Fault);
        Assert.Equal(EngineFault.Unreachable, (await Assert.ThrowsAsync<EngineException>(() => Engine.InspectAsync(name, Ct))).Fault);
        _engine.ComeBack();
        Assert.True((await Engine.InspectAsync(name, Ct))?.IsRunning);
    }

    [Fact]
    public async Task A_call_may_fail_or_lose_its_answer()
    {
        var spec = Named(RunsUntilStopped());
        _engine.FailNext(nameof(IContainerEngine.CreateAsync), new(EngineFault.DiskFull, "full"));
        _engine.LoseNextAnswer(nameof(IContainerEngine.CreateAsync));

        Assert.Equal(EngineFault.DiskFull, (await Assert.ThrowsAsync<EngineException>(() => Engine.CreateAsync(spec, Ct))).Fault);
        Assert.Null(await Engine.InspectAsync(spec.Name, Ct));
        Assert.Equal(EngineFault.Unreachable, (await Assert.ThrowsAsync<EngineException>(() => Engine.CreateAsync(spec, Ct))).Fault);
        Assert.NotNull(await Engine.InspectAsync(spec.Name, Ct));
    }

    protected override ContainerSpec PrintsLines(int count) => Of($"lines-{count}");

    protected override ContainerSpec PrintsOnBothStreams() => Of("both-streams");

    protected override ContainerSpec PrintsLongLine(long bytes) => Of($"long-line-{bytes}");

    protected override ContainerSpec ExitsWith(int code) => Of($"exit-{code}");

    protected override ContainerSpec RunsUntilStopped() => Of("prints-then-sleeps");

    protected override ContainerSpec IgnoresStop() => Of("ignores-stop");

    protected override ContainerSpec PrintsWhenStopped() => Of("prints-when-stopped");

    protected override ContainerSpec LeavesOutput() => Of("writes-output");

    protected override ContainerSpec CannotBeStarted() => Of("cannot-start");

    protected override ContainerSpec ReadsFiles(string folder) => Of("reads-files");

    private ContainerSpec Of(string script)
    {
        _engine.AddImage("fake/" + script);
        return new() { Name = "", Image = "fake/" + script };
    }
}
