using System.Globalization;
using Docker.DotNet.Models;

namespace Berth.Containers.Docker;

/// <summary>A <see cref="ContainerSpec"/> in the words of Docker's API, with the walls every container of ours has.</summary>
internal static class ContainerRequest
{
    private const int LogFiles = 4;
    private const long SmallestLogFile = 1 << 20;

    private static readonly string[] DroppedCapabilities = ["NET_RAW", "MKNOD", "AUDIT_WRITE", "SETFCAP"];

    public static CreateContainerParameters Of(ContainerSpec spec, EngineDescription engine)
    {
        var request = new CreateContainerParameters
        {
            Name = spec.Name,
            Image = spec.Image,
            Env = [.. spec.Env.Select(pair => $"{pair.Key}={pair.Value}")],
            Labels = new Dictionary<string, string>(spec.Labels),
            ExposedPorts = spec.PublishedPorts.ToDictionary(PortKey, _ => default(EmptyStruct)),
            HostConfig = HostOf(spec, engine),
        };
        if (spec.Entrypoint is { } entrypoint)
        {
            request.Entrypoint = [.. entrypoint];
        }

        if (spec.Command is { } command)
        {
            request.Cmd = [.. command];
        }

        if (spec.WorkDir is { } workDir)
        {
            request.WorkingDir = workDir;
        }

        if (spec.Network is { } network)
        {
            var endpoint = new EndpointSettings { Aliases = [.. spec.NetworkAliases] };
            request.NetworkingConfig = new() { EndpointsConfig = new Dictionary<string, EndpointSettings> { [network] = endpoint } };
        }

        return request;
    }

    private static HostConfig HostOf(ContainerSpec spec, EngineDescription engine)
    {
        var host = new HostConfig
        {
            CapDrop = DroppedCapabilities,
            SecurityOpt = ["no-new-privileges"],
            PidsLimit = spec.Limits.Pids,
            Memory = spec.Limits.MemoryBytes ?? 0,
            MemorySwap = spec.Limits.MemoryBytes ?? 0,
            NanoCPUs = (long)((spec.Limits.Cpus ?? 0) * 1e9),
            ShmSize = spec.Limits.SharedMemoryBytes,
            LogConfig = LogOf(spec.Limits, engine),
            RestartPolicy = new() { Name = RestartPolicyKind.No },
            NetworkMode = spec.Network ?? "none",
            ExtraHosts = [.. spec.ExtraHosts.Select(pair => $"{pair.Key}:{pair.Value}")],
            Mounts = [.. spec.Volumes.Select(MountOf), .. spec.Folders.Select(MountOf)],
            PortBindings = spec.PublishedPorts.ToDictionary(PortKey, IList<PortBinding> (_) => [new PortBinding { HostIP = "127.0.0.1", HostPort = "" }]),
        };
        if (spec.Gpu is { } gpu)
        {
            host.DeviceRequests = [GpuOf(gpu, engine)];
        }

        return host;
    }

    private static string PortKey(int port) => $"{port}/tcp";

    private static Mount MountOf(VolumeBinding binding) =>
        new() { Type = "volume", Source = binding.Volume, Target = binding.Destination, ReadOnly = binding.ReadOnly };

    // Private: what is mounted below it later on the machine is none of the container's business.
    private static Mount MountOf(FolderBinding binding) => new()
    {
        Type = "bind",
        Source = binding.Folder,
        Target = binding.Destination,
        ReadOnly = true,
        BindOptions = new() { Propagation = "rprivate" },
    };

    /// <summary>Several files, so that a rotation takes away a part and not half of what the limit allows.</summary>
    private static LogConfig LogOf(ContainerLimits limits, EngineDescription engine)
    {
        if (engine.IsPodman)
        {
            return new() { Type = "k8s-file", Config = new Dictionary<string, string> { ["max-size"] = limits.LogBytes.ToString(CultureInfo.InvariantCulture) } };
        }

        var fileBytes = Math.Max(SmallestLogFile, limits.LogBytes / LogFiles);
        return new()
        {
            Type = "json-file",
            Config = new Dictionary<string, string>
            {
                ["max-size"] = fileBytes.ToString(CultureInfo.InvariantCulture),
                ["max-file"] = LogFiles.ToString(CultureInfo.InvariantCulture),
            },
        };
    }

    /// <summary>By the engine's NVIDIA hook where it has one, by CDI where only that is set up.</summary>
    private static DeviceRequest GpuOf(GpuRequest gpu, EngineDescription engine)
    {
        if (engine.GpusAreOnlyCdi)
        {
            return new() { Driver = "cdi", DeviceIDs = [.. CdiNames(gpu).Select(name => "nvidia.com/gpu=" + name)] };
        }

        var request = new DeviceRequest { Driver = "", Capabilities = [["gpu"]] };
        switch (gpu)
        {
            case GpuDevices devices:
                request.DeviceIDs = [.. devices.Ids];
                break;
            case GpuCount count:
                request.Count = count.Count;
                break;
            default:
                request.Count = -1;
                break;
        }

        return request;
    }

    private static IEnumerable<string> CdiNames(GpuRequest gpu) => gpu switch
    {
        GpuDevices devices => devices.Ids,
        GpuCount count => Enumerable.Range(0, count.Count).Select(index => index.ToString(CultureInfo.InvariantCulture)),
        _ => ["all"],
    };
}
