using System.Collections.Immutable;
using Berth.Containers;
using Berth.Jobs.Definitions;
using Berth.Node.Capacity;

namespace Berth.Node.Runs;

/// <summary>What this machine can give a run, found out before anything is pulled or made; or the sentence that refuses it.</summary>
public sealed record RunAdmission
{
    /// <summary>Set when the run cannot be done here; nothing else is then.</summary>
    public string? Refusal { get; init; }

    /// <summary>What is refused is the GPU: without one the job could run here.</summary>
    public bool IsGpuRefused { get; init; }

    public ContainerLimits Ceiling { get; init; } = new();

    public GpuRequest? Gpu { get; init; }

    /// <summary>
    /// The engine is Docker on this machine's own network stack: it names a network's bridge as it is told and makes containers for a network that
    /// is yet to come, so nothing but the start of a container needs to wait for the network.
    /// </summary>
    public bool CanPrepareAhead { get; init; }

    /// <summary>The engine is on this machine, so that folders here can be mounted there.</summary>
    public bool SeesFolders { get; init; }

    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>Looks at the engine and, when the job wants GPUs, at the driver.</summary>
    /// <exception cref="EngineException">No engine answers.</exception>
    public static async Task<RunAdmission> ForAsync(RunRequest request, IContainerEngine engine, TimeProvider time, CancellationToken ct)
    {
        var containers = request.Definition.Operations.OfType<RunContainer>().ToArray();
        var description = await engine.DescribeAsync(ct);
        var warnings = ImmutableArray.CreateBuilder<string>();
        if (!description.EnforcesLimits)
        {
            warnings.Add("The engine ignores limits (rootless on cgroup v1): memory, processes and CPU of this job are not bounded.");
        }

        var wantsGpu = containers.Any(container => container.Arguments.Gpu);
        if (wantsGpu && request.Gpu is null)
        {
            warnings.Add("The job asks for a GPU and --no-gpu runs it without.");
        }

        var (gpu, refusal) = wantsGpu && request.Gpu is { } choice ? await GpusAsync(choice, description, time, ct) : (null, null);
        return refusal is not null
            ? new RunAdmission { Refusal = refusal, IsGpuRefused = true }
            : new RunAdmission
            {
                Ceiling = CeilingOf(description, request.Shares),
                Gpu = gpu,
                CanPrepareAhead = description is { IsLocal: true, IsRootless: false, IsPodman: false },
                SeesFolders = description.IsLocal,
                Warnings = warnings.ToImmutable(),
            };
    }

    private static async Task<(GpuRequest? Gpu, string? Refusal)> GpusAsync(GpuChoice choice, EngineDescription engine, TimeProvider time, CancellationToken ct)
    {
        if (choice is NoneOfThem)
        {
            return (null, "The job needs a GPU and there is none for it here.");
        }

        if (engine.Name == "Podman" && engine.CdiDevices.IsEmpty)
        {
            return (null, "The job needs a GPU, and Podman's Docker socket would run it without one and say nothing. Use Docker with the NVIDIA container toolkit.");
        }

        if (!engine.IsLocal)
        {
            return choice switch
            {
                AllOfThem => (GpuRequest.All, null),
                SoMany many => (new GpuCount(many.Count), null),
                These these => (new GpuDevices(these.Ids), null),
                _ => throw new System.Diagnostics.UnreachableException($"No such choice of GPUs: {choice}."),
            };
        }

        var inventory = await GpuInventory.MeasureAsync(time, ct);
        var (chosen, refusal) = inventory.Choose(choice);
        return chosen is { } gpus
            ? (choice is AllOfThem ? GpuRequest.All : new GpuDevices([.. gpus.Select(gpu => gpu.Uuid)]), null)
            : (null, refusal);
    }

    /// <summary>A share of the machine less what its own life needs: a tenth of the memory, between half a GiB and four.</summary>
    public static ContainerLimits CeilingOf(EngineDescription engine, int shares)
    {
        var reserve = Math.Clamp(engine.MemoryBytes / 10, 512L << 20, 4L << 30);
        return new ContainerLimits
        {
            MemoryBytes = engine.MemoryBytes > 2 * reserve ? (engine.MemoryBytes - reserve) / shares : null,
            Cpus = engine.Cpus > 0 ? (double)engine.Cpus / shares : null,
        };
    }
}
