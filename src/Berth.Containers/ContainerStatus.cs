using System.Collections.Immutable;
using System.Net;

namespace Berth.Containers;

/// <summary>A container as the engine saw it at one moment; also how it ended.</summary>
public sealed record ContainerStatus
{
    /// <summary>The engine's id.</summary>
    public required string Id { get; init; }

    /// <summary>created, running, paused, restarting, removing, exited or dead.</summary>
    public required string State { get; init; }

    public bool IsRunning => State is "running" or "paused" or "restarting";

    /// <summary>It was started at least once and is no longer running.</summary>
    public bool HasEnded => State is "exited" or "dead";

    public int ExitCode { get; init; }

    /// <summary>The kernel killed a process of it for memory (Podman does not tell).</summary>
    public bool OutOfMemory { get; init; }

    /// <summary>What the engine says went wrong; usually empty.</summary>
    public string Error { get; init; } = "";

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Its address on the run's network while it runs.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>Container port to the loopback port it is published on.</summary>
    public ImmutableDictionary<int, int> PublishedPorts { get; init; } = ImmutableDictionary<int, int>.Empty;

    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;
}

/// <summary>An image the engine has.</summary>
public sealed record ContainerImage(string Id, ImmutableArray<string> RepoDigests)
{
    public ImmutableArray<string> Entrypoint { get; init; } = [];

    public ImmutableArray<string> Command { get; init; } = [];

    public string WorkDir { get; init; } = "";

    public long SizeBytes { get; init; }
}

/// <summary>A step of one layer, or of the image as a whole when there is no layer.</summary>
public sealed record PullProgress(string? Layer, string Status, long? CurrentBytes, long? TotalBytes);

/// <summary>Who answers at the engine's socket.</summary>
public sealed record EngineDescription
{
    /// <summary>Docker or Podman.</summary>
    public required string Name { get; init; }

    public bool IsPodman => Name == "Podman";

    public required string Version { get; init; }

    public required string ApiVersion { get; init; }

    /// <summary>linux/amd64 and the like.</summary>
    public required string Platform { get; init; }

    public int Cpus { get; init; }

    public long MemoryBytes { get; init; }

    /// <summary>The operating system under it, such as <c>Debian GNU/Linux 12 (bookworm)</c>.</summary>
    public string System { get; init; } = "";

    /// <summary>The folder it keeps images and containers in; null where it does not say.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Runtimes by name; <c>nvidia</c> among them means GPUs are set up.</summary>
    public ImmutableArray<string> Runtimes { get; init; } = [];

    /// <summary>CDI devices the engine found, such as <c>nvidia.com/gpu=0</c>.</summary>
    public ImmutableArray<string> CdiDevices { get; init; } = [];

    /// <summary>GPUs can be had by CDI and by nothing else.</summary>
    public bool GpusAreOnlyCdi => !Runtimes.Contains("nvidia") && CdiDevices.Any(device => device.StartsWith("nvidia.com/gpu=", StringComparison.Ordinal));

    public bool IsRootless { get; init; }

    /// <summary>False where the engine accepts limits and ignores them (rootless on cgroup v1).</summary>
    public bool EnforcesLimits { get; init; } = true;

    /// <summary>The engine's socket is on this machine, so its bridges can be reached and guarded from here.</summary>
    public bool IsLocal { get; init; }
}

/// <summary>What an <see cref="OwnedThing"/> is.</summary>
public enum OwnedKind
{
    Container,
    Network,
    Volume,
}

/// <summary>Something on the engine that carries a label of ours.</summary>
public sealed record OwnedThing(OwnedKind Kind, string Name, ImmutableDictionary<string, string> Labels, DateTimeOffset? CreatedAt);
