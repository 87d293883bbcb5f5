using System.Reflection;
using System.Runtime.InteropServices;
using Berth.Containers;
using Berth.Protocol;

namespace Berth.Node.Capacity;

/// <summary>This machine as it was measured: what its engine says, its GPUs, and the room where the engine keeps things.</summary>
public sealed record Machine(EngineDescription Engine, GpuInventory Gpus, MachineFacts Facts)
{
    /// <summary>The agent's version, as <c>berth --version</c> prints it.</summary>
    public static string Version { get; } =
        typeof(Machine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>Asks the engine and the driver. <paramref name="folder"/> is measured where the engine does not say what it uses.</summary>
    /// <exception cref="EngineException">No engine answers.</exception>
    public static async Task<Machine> MeasureAsync(IContainerEngine engine, string folder, TimeProvider time, CancellationToken ct)
    {
        var description = await engine.DescribeAsync(ct);
        var gpus = description.IsLocal ? await GpuInventory.MeasureAsync(time, ct) : new GpuInventory([], "the engine is on another machine");
        var facts = new MachineFacts
        {
            Cpus = description.Cpus,
            MemoryMib = description.MemoryBytes >> 20,
            DiskMib = FreeDisk(description, folder),
            Engine = $"{description.Name} {description.Version}",
            Version = Version,
            System = $"{(description.System.Length > 0 ? description.System : RuntimeInformation.OSDescription)} {Architecture(description.Platform)}",
            Driver = gpus.Gpus.FirstOrDefault()?.Driver,
            Cuda = gpus.Gpus.IsEmpty ? 0 : await GpuInventory.CudaAsync(time, ct),
            Gpus = [.. gpus.Gpus.Select(gpu => new GpuFacts(gpu.Uuid, gpu.Model, gpu.MemoryMiB))],
        };
        return new Machine(description, gpus, facts);
    }

    /// <summary>What is free now where the engine keeps images and containers, MiB; 0 when that is on another machine.</summary>
    public static long FreeDisk(EngineDescription engine, string folder) =>
        engine.IsLocal ? Room(engine.DataFolder is { } data && Directory.Exists(data) ? data : folder) ?? 0 : 0;

    /// <summary>What is free now on the disk of a folder, MiB; null when that cannot be known.</summary>
    public static long? Room(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace >> 20;
        }
        catch (Exception unknown) when (unknown is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private static string Architecture(string platform) => platform[(platform.IndexOf('/') + 1)..] switch
    {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        var other => other,
    };
}
