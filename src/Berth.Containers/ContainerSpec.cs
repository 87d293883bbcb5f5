using System.Collections.Immutable;
using System.Net;

namespace Berth.Containers;

/// <summary>
/// A container as asked for. There is no way to say privileged, host network or engine socket here, and no host path but the read-only
/// <see cref="Folders"/>, which are Berth's own.
/// </summary>
public sealed record ContainerSpec
{
    public required string Name { get; init; }

    public required string Image { get; init; }

    /// <summary>Null keeps the image's; an empty list clears it.</summary>
    public ImmutableArray<string>? Entrypoint { get; init; }

    /// <summary>Null keeps the image's, unless <see cref="Entrypoint"/> replaces the program it was meant for.</summary>
    public ImmutableArray<string>? Command { get; init; }

    public ImmutableArray<KeyValuePair<string, string>> Env { get; init; } = [];

    /// <summary>Made when missing; null keeps the image's.</summary>
    public string? WorkDir { get; init; }

    /// <summary>The one network it joins, or null for none at all.</summary>
    public string? Network { get; init; }

    /// <summary>Its DNS names on the network.</summary>
    public ImmutableArray<string> NetworkAliases { get; init; } = [];

    /// <summary>Names resolved to fixed addresses inside the container.</summary>
    public ImmutableArray<KeyValuePair<string, string>> ExtraHosts { get; init; } = [];

    public ImmutableArray<VolumeBinding> Volumes { get; init; } = [];

    /// <summary>Folders of Berth's own, mounted so that nothing can be written to them; only for engines on this machine.</summary>
    public ImmutableArray<FolderBinding> Folders { get; init; } = [];

    /// <summary>Container ports to publish on a free port of the loopback interface.</summary>
    public ImmutableArray<int> PublishedPorts { get; init; } = [];

    public GpuRequest? Gpu { get; init; }

    public ContainerLimits Limits { get; init; } = new();

    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;
}

/// <summary>A named volume of the engine mounted in a container.</summary>
public sealed record VolumeBinding(string Volume, string Destination, bool ReadOnly = false);

/// <summary>A folder of this machine that a container can read and not write.</summary>
public sealed record FolderBinding(string Folder, string Destination);

/// <summary>What a container may use; null is no limit of ours.</summary>
public sealed record ContainerLimits
{
    public long? MemoryBytes { get; init; }

    public double? Cpus { get; init; }

    public int Pids { get; init; } = 4096;

    public long SharedMemoryBytes { get; init; } = 4L << 30;

    /// <summary>How much log the engine itself keeps of one container.</summary>
    public long LogBytes { get; init; } = 12L << 30;
}

/// <summary>Which GPUs a container gets: all, so many, or these (index or UUID).</summary>
public abstract record GpuRequest
{
    private protected GpuRequest()
    {
    }

    public static GpuRequest All { get; } = new AllGpus();
}

/// <summary>Every GPU of the machine.</summary>
public sealed record AllGpus : GpuRequest;

/// <summary>That many, whichever the engine takes.</summary>
public sealed record GpuCount(int Count) : GpuRequest;

/// <summary>These, by index or UUID.</summary>
public sealed record GpuDevices(ImmutableArray<string> Ids) : GpuRequest;

/// <summary>A network as asked for.</summary>
public sealed record NetworkSpec(string Name, string BridgeName, ImmutableDictionary<string, string> Labels);

/// <summary>A network as the engine made it. The bridge name is null where the engine does not say; the subnets are what its containers' addresses come from.</summary>
public sealed record ContainerNetwork(string Name, string? BridgeName, ImmutableArray<IPNetwork> Subnets);

/// <summary>A volume as asked for.</summary>
public sealed record VolumeSpec(string Name, ImmutableDictionary<string, string> Labels);
