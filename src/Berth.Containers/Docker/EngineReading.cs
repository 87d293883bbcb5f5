using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Docker.DotNet.Models;

namespace Berth.Containers.Docker;

/// <summary>What the engine answers, in our words.</summary>
internal static class EngineReading
{
    public static ContainerStatus StatusOf(ContainerInspectResponse answer) => StatusOf(answer, answer.State ?? new());

    private static ContainerStatus StatusOf(ContainerInspectResponse answer, State state) => new()
    {
        Id = answer.ID,
        State = StateOf(state.Status ?? "dead"),
        ExitCode = (int)state.ExitCode,
        OutOfMemory = state.OOMKilled,
        Error = state.Error ?? "",
        StartedAt = StartOf(state),
        FinishedAt = TimeOf(state.FinishedAt),
        Address = answer.NetworkSettings?.Networks?.Values
            .Select(network => IPAddress.TryParse(network.IPAddress, out var address) ? address : null)
            .FirstOrDefault(address => address is not null),
        PublishedPorts = PortsOf(answer.NetworkSettings?.Ports),
        Labels = answer.Config?.Labels?.ToImmutableDictionary() ?? [],
    };

    public static ContainerImage ImageOf(ImageInspectResponse answer) => new(answer.ID, [.. answer.RepoDigests ?? []])
    {
        Entrypoint = [.. answer.Config?.Entrypoint ?? []],
        Command = [.. answer.Config?.Cmd ?? []],
        WorkDir = answer.Config?.WorkingDir ?? "",
        SizeBytes = answer.Size,
    };

    public static ContainerNetwork NetworkOf(NetworkResponse answer, string? bridge) => new(
        answer.Name,
        bridge ?? BridgeOf(answer),
        [.. (answer.IPAM?.Config ?? []).Where(pool => IPNetwork.TryParse(pool.Subnet, out _)).Select(pool => IPNetwork.Parse(pool.Subnet))]);

    public static EngineDescription DescriptionOf(VersionResponse version, SystemInfoResponse info, EngineAddress address)
    {
        var podman = version.Components?.FirstOrDefault(component => component.Name == "Podman Engine");
        var isRootless = info.SecurityOptions?.Any(option => option.Contains("rootless", StringComparison.Ordinal)) ?? false;
        return new()
        {
            Name = podman is null ? "Docker" : "Podman",
            Version = podman?.Version ?? version.Version,
            ApiVersion = version.APIVersion,
            Platform = $"{version.Os}/{version.Arch}",
            Cpus = (int)info.NCPU,
            MemoryBytes = info.MemTotal,
            System = info.OperatingSystem ?? "",
            DataFolder = info.DockerRootDir is { Length: > 0 } folder ? folder : null,
            Runtimes = [.. (info.Runtimes?.Keys ?? []).Order(StringComparer.Ordinal)],
            CdiDevices = [.. info.DiscoveredDevices?.Where(device => device.Source == "cdi").Select(device => device.ID) ?? []],
            IsRootless = isRootless,
            EnforcesLimits = info.CgroupDriver != "none" && !(isRootless && info.CgroupVersion != "2"),
            IsLocal = address.SocketPath is not null,
        };
    }

    public static OwnedThing OwnedOf(ContainerListResponse answer) =>
        new(OwnedKind.Container, answer.Names[0].TrimStart('/'), LabelsOf(answer.Labels), Utc(answer.Created));

    public static OwnedThing OwnedOf(NetworkResponse answer) => new(OwnedKind.Network, answer.Name, LabelsOf(answer.Labels), Utc(answer.Created));

    public static OwnedThing OwnedOf(VolumeResponse answer) => new(OwnedKind.Volume, answer.Name, LabelsOf(answer.Labels), TimeOf(answer.CreatedAt));

    /// <summary>Of a container that ends at once Docker may note the end before the start.</summary>
    private static DateTimeOffset? StartOf(State state)
    {
        var (started, finished) = (TimeOf(state.StartedAt), TimeOf(state.FinishedAt));
        return !state.Running && started > finished ? finished : started;
    }

    private static ImmutableDictionary<string, string> LabelsOf(IDictionary<string, string>? labels) => labels?.ToImmutableDictionary() ?? [];

    /// <summary>Podman has more states than Docker.</summary>
    private static string StateOf(string state) => state switch
    {
        "configured" or "initialized" => "created",
        "stopping" => "running",
        "stopped" => "exited",
        _ => state,
    };

    private static string? BridgeOf(NetworkResponse answer) =>
        answer.Options is not null && answer.Options.TryGetValue("com.docker.network.bridge.name", out var bridge) && bridge.Length > 0 ? bridge : null;

    private static ImmutableDictionary<int, int> PortsOf(IDictionary<string, IList<PortBinding>>? ports)
    {
        var published = ImmutableDictionary.CreateBuilder<int, int>();
        foreach (var (key, bindings) in ports ?? new Dictionary<string, IList<PortBinding>>())
        {
            if (bindings is [{ } binding, ..] && int.TryParse(key.Split('/')[0], out var inside) && int.TryParse(binding.HostPort, out var outside))
            {
                published[inside] = outside;
            }
        }

        return published.ToImmutable();
    }

    private static DateTimeOffset? TimeOf(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) && at.Year > 1 ? at.ToUniversalTime() : null;

    private static DateTimeOffset? Utc(DateTime at) =>
        at.Year > 1 ? new DateTimeOffset(at.Kind == DateTimeKind.Unspecified ? DateTime.SpecifyKind(at, DateTimeKind.Utc) : at.ToUniversalTime()) : null;
}
