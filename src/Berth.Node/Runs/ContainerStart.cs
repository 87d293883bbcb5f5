using System.Collections.Immutable;
using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Commands;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>Brings the container of one operation to running, with all it needs, and says where its ports are.</summary>
internal sealed class ContainerStart(RunContainer operation, ImmutableArray<ResourceMount> resources, RunScope scope, StopSignal stop)
{
    /// <summary>An address of the documentation range: the machine's own names lead nowhere from inside a job.</summary>
    private const string NowhereAddress = "192.0.2.1";

    private readonly string _container = scope.Names.Container(operation.Index);

    private RunJournal Journal => scope.Journal;

    private OperationState State => Journal.StateOf(operation.Id);

    /// <summary>Brings the container to running, or finds that a process before this one did: the journal and the engine together tell.</summary>
    public async Task<ContainerStatus> BringToRunningAsync(ContainerArguments arguments)
    {
        var known = State.Container is null ? null : await scope.Engine.InspectAsync(_container, stop.AtOnce);
        if (known is null && State is { ContainerId: not null, Phase: OperationPhase.Running })
        {
            throw new EngineException(EngineFault.Failed, $"The container {_container} is gone; somebody removed it while it ran.");
        }

        var isStale = known is { HasEnded: true } && State.Phase == OperationPhase.Restarting && State.Exit?.State?.FinishedAt == known.FinishedAt;
        if (known is null or { IsRunning: false, HasEnded: false } || isStale)
        {
            stop.Ended.ThrowIfCancellationRequested();
            await scope.Network.WaitAsync(stop.Ended);
            await MakeAsync(arguments, exists: known is not null);
            await FillCopiesAsync(isStale);
            await scope.Guard.WaitAsync(stop.Ended);
            await scope.Engine.StartAsync(_container, stop.AtOnce);
        }

        var status = await scope.Engine.InspectAsync(_container, stop.AtOnce)
            ?? throw new EngineException(EngineFault.Failed, $"The container {_container} is gone; somebody removed it as it started.");
        if (State.Phase != OperationPhase.Running || State.ContainerId != status.Id)
        {
            Journal.Append(new ContainerStarted(operation.Id, _container, status.Id) { Address = status.Address?.ToString() });
        }

        AnnounceEndpoints(arguments, status);
        return status;
    }

    // A volume that no operation creates is the run's all the same, and must be known before the engine makes it by itself.
    private async Task MakeAsync(ContainerArguments arguments, bool exists)
    {
        if (exists)
        {
            return;
        }

        var copies = resources.Where(IsCopied).Select(resource => scope.Names.ResourceVolume(operation.Index, resource.Index));
        foreach (var name in arguments.Volumes.Select(volume => scope.Names.Volume(volume.Name)).Concat(copies).Distinct())
        {
            if (!Journal.State.Volumes.Contains(name))
            {
                Journal.Append(new VolumeCreating(name));
            }

            await scope.Engine.CreateVolumeAsync(new VolumeSpec(name, scope.Names.Labels()), CancellationToken.None);
        }

        if (State.Container is null)
        {
            Journal.Append(new ContainerStarting(operation.Id, _container, 0));
        }

        // Not to be broken off: the engine would make the container all the same, after its removal.
        await scope.Engine.CreateAsync(Spec(arguments), CancellationToken.None);
        stop.Ended.ThrowIfCancellationRequested();
    }

    // An engine elsewhere sees no folder of this machine, and what the job may write to is its own.
    private bool IsCopied(ResourceMount resource) => resource.Resource.AllowWrite || !scope.SeesFolders;

    // Done again when a process died over it; a container that starts once more keeps what it made of its copy.
    private async Task FillCopiesAsync(bool isRestart)
    {
        foreach (var resource in resources.Where(resource => IsCopied(resource) && !isRestart))
        {
            await scope.Engine.CopyInAsync(
                _container,
                resource.Target,
                (stream, ct) => ResourceCopy.PackAsync(resource.Entry.Files, stream, ct),
                stop.Ended);
        }
    }

    private ContainerSpec Spec(ContainerArguments arguments)
    {
        var hasGpu = arguments.Gpu && scope.Gpu is not null;
        var names = scope.Names;
        return new ContainerSpec
        {
            Name = _container,
            Image = arguments.Image,
            Entrypoint = arguments.Entrypoint,
            Command = CommandLine.For(arguments.Command, arguments.Entrypoint),
            Env = [.. arguments.Env.Where(pair => pair.Key != "NOSANA_ID"), new("NOSANA_ID", scope.Request.Job.Value)],
            WorkDir = arguments.WorkDir,
            Network = names.Network,
            NetworkAliases = [.. new[] { operation.Id.Value, names.Host(operation.Index) }.Concat(arguments.Aliases).Distinct()],
            ExtraHosts = [new("host.docker.internal", NowhereAddress), new("host.containers.internal", NowhereAddress)],
            Volumes =
            [
                .. arguments.Volumes.Select(volume => new VolumeBinding(names.Volume(volume.Name), volume.Destination)),
                .. resources.Where(IsCopied).Select(resource => new VolumeBinding(names.ResourceVolume(operation.Index, resource.Index), resource.Target)),
            ],
            Folders = [.. scope.Request.Folders, .. resources.Where(resource => !IsCopied(resource)).Select(resource => new FolderBinding(resource.Entry.Files, resource.Target))],
            PublishedPorts = [.. Ports(arguments)],
            Gpu = hasGpu ? scope.Gpu : null,
            Limits = scope.Ceiling,
            Labels = names.Labels(operation.Id),
        };
    }

    private static IEnumerable<int> Ports(ContainerArguments arguments) =>
        arguments.Exposures.SelectMany(exposure => Enumerable.Range(exposure.FirstPort, exposure.LastPort - exposure.FirstPort + 1)).Distinct();

    private void AnnounceEndpoints(ContainerArguments arguments, ContainerStatus status)
    {
        foreach (var exposure in arguments.Exposures)
        {
            for (var port = exposure.FirstPort; port <= exposure.LastPort; port++)
            {
                if (!status.PublishedPorts.TryGetValue(port, out var published))
                {
                    continue;
                }

                var text = $"{port}";
                var url = $"http://127.0.0.1:{published}";
                var before = State.Endpoints.FirstOrDefault(known => known.Port == text);
                if (before?.Url == url)
                {
                    continue;
                }

                Journal.Append(new EndpointUp(operation.Id, text, before?.EndpointId ?? IdOf(arguments, exposure).Value, url)
                {
                    Health = exposure.HealthChecks.IsEmpty ? EndpointHealth.Unknown : EndpointHealth.Offline,
                });
            }
        }
    }

    private EndpointId IdOf(ContainerArguments arguments, Jobs.Definitions.Exposure exposure) =>
        !arguments.Private ? EndpointId.For(operation.Index, exposure.Port, scope.Request.Job)
        : State.PrivateEndpoints.TryGetValue(exposure.Port, out var drawn) ? new(drawn)
        : EndpointId.Private();
}
