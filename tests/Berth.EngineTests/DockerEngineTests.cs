using Berth.Containers;

namespace Berth.EngineTests;

/// <summary>What every engine promises, kept by Docker.</summary>
public sealed class DockerEngineTests : BusyboxEngineTests
{
    private readonly DockerEngine _engine = DockerEngine.Connect(Engines.Docker);

    protected override IContainerEngine Engine => _engine;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _engine.DisposeAsync();
    }
}
