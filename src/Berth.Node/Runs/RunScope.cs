using Berth.Containers;
using Berth.Node.Artefacts;
using Berth.Node.Resources;

namespace Berth.Node.Runs;

/// <summary>What all operations of one run share; made once, changed by nobody.</summary>
internal sealed record RunScope(
    RunRequest Request,
    RunNames Names,
    RunFolder Folder,
    IContainerEngine Engine,
    RunJournal Journal,
    IRunWatcher Watcher,
    TimeProvider Time)
{
    /// <summary>How much of the machine one container may use.</summary>
    public ContainerLimits Ceiling { get; init; } = new();

    /// <summary>The GPUs of containers that ask for them; null runs them without.</summary>
    public GpuRequest? Gpu { get; init; }

    /// <summary>Done when containers can be made: usually at once, else when the run's network is there.</summary>
    public required Task Network { get; init; }

    /// <summary>Done when the network is there and guarded, or it was said that it cannot be: containers can be started.</summary>
    public required Task Guard { get; init; }

    /// <summary>The log text the run may still write, shared by its operations.</summary>
    public required LogAllowance Logs { get; init; }

    public required EngineOutage Outage { get; init; }

    public required ResourceStore Resources { get; init; }

    /// <summary>The engine sees this machine's folders.</summary>
    public required bool SeesFolders { get; init; }

    /// <summary>Where artefacts go.</summary>
    public required IOutputPlace Outputs { get; init; }
}
