using Berth.Containers;

namespace Berth.EngineTests;

/// <summary>What every engine promises, kept by Podman on its Docker-compatible socket.</summary>
public sealed class PodmanEngineTests : BusyboxEngineTests
{
    private DockerEngine? _engine;

    protected override IContainerEngine Engine => _engine ?? throw new InvalidOperationException("The engine is connected when a test begins.");

    public override async ValueTask InitializeAsync() => _engine = DockerEngine.Connect(await Engines.PodmanAsync(Ct));

    public override async ValueTask DisposeAsync()
    {
        if (_engine is not null)
        {
            await base.DisposeAsync();
            await _engine.DisposeAsync();
        }
    }
}
