using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Berth.Node.Capacity;

/// <summary>One GPU as the vendor's tool reports it; memory in MiB.</summary>
public sealed record Gpu(int Index, string Uuid, string Model, long MemoryMiB, string Driver);

/// <summary>The GPUs of this machine, or the sentence that says why there are none to use.</summary>
public sealed partial record GpuInventory(ImmutableArray<Gpu> Gpus, string? Fault)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Asks <c>nvidia-smi</c>, found on the search path; a missing, broken or hanging driver is a fault, never an exception.</summary>
    public static async Task<GpuInventory> MeasureAsync(TimeProvider time, CancellationToken ct)
    {
        var (output, fault) = await AskAsync(["--query-gpu=index,name,uuid,memory.total,driver_version", "--format=csv,noheader,nounits"], time, ct);
        return fault is null ? Parse(output) : Broken(fault);
    }

    /// <summary>The CUDA version the driver offers, as major × 100 + minor; 0 when it does not say. Only the tool's page for people has it.</summary>
    public static async Task<int> CudaAsync(TimeProvider time, CancellationToken ct) => ParseCuda((await AskAsync([], time, ct)).Output);

    /// <summary>The CUDA version in what the tool prints for people.</summary>
    public static int ParseCuda(string page) => CudaVersion.Match(page) is { Success: true } match
        ? (int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) * 100) + int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture)
        : 0;

    [GeneratedRegex(@"CUDA (?:UMD )?Version *: *(\d{1,4})\.(\d{1,2})")]
    private static partial Regex CudaVersion { get; }

    private static async Task<(string Output, string? Fault)> AskAsync(string[] question, TimeProvider time, CancellationToken ct)
    {
        var ask = new ProcessStartInfo("nvidia-smi", question)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var limit = new CancellationTokenSource(Patience, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
            using var tool = Process.Start(ask)!;
            try
            {
                var error = tool.StandardError.ReadToEndAsync(either.Token);
                var output = await tool.StandardOutput.ReadToEndAsync(either.Token);
                await tool.WaitForExitAsync(either.Token);
                return (output, tool.ExitCode == 0 ? null : $"nvidia-smi ended with {tool.ExitCode}: {FirstLine(output, await error)}");
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                tool.Kill(entireProcessTree: true);
                return ("", $"nvidia-smi did not answer within {Patience.TotalSeconds:0} s; the driver hangs");
            }
        }
        catch (Win32Exception)
        {
            return ("", "there is no nvidia-smi here, so no NVIDIA driver is installed");
        }
    }

    /// <summary>The inventory from the tool's output: index, name, UUID, memory, driver, separated by commas.</summary>
    public static GpuInventory Parse(string output)
    {
        var gpus = output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(line => line.Split(',', StringSplitOptions.TrimEntries))
            .Where(fields => fields.Length >= 5 && int.TryParse(fields[0], CultureInfo.InvariantCulture, out _))
            .Select(fields => new Gpu(
                int.Parse(fields[0], CultureInfo.InvariantCulture),
                fields[2],
                fields[1],
                long.TryParse(fields[3], CultureInfo.InvariantCulture, out var memory) ? memory : 0,
                fields[4]))
            .ToImmutableArray();
        return gpus.IsEmpty ? Broken("the NVIDIA driver reports no GPU") : new GpuInventory(gpus, null);
    }

    /// <summary>The GPUs the choice means, or null with a sentence when this machine cannot serve it.</summary>
    public (ImmutableArray<Gpu>? Chosen, string? Refusal) Choose(GpuChoice choice)
    {
        if (choice is NoneOfThem)
        {
            return ([], null);
        }

        if (Fault is not null)
        {
            return (null, $"The job needs a GPU and this machine has none to give: {Fault}.");
        }

        switch (choice)
        {
            case AllOfThem:
                return (Gpus, null);
            case SoMany { Count: var count }:
                return count <= Gpus.Length ? (Gpus[..count], null) : (null, $"{count} GPUs were asked for and this machine has {Gpus.Length}.");
            case These { Ids: var ids }:
                var unknown = ids.Where(id => Gpus.All(gpu => !Names(gpu, id))).ToArray();
                return unknown.Length == 0
                    ? ([.. Gpus.Where(gpu => ids.Any(id => Names(gpu, id)))], null)
                    : (null, $"There is no GPU {string.Join(", ", unknown)} here; this machine has {string.Join(", ", Gpus.Select(gpu => $"{gpu.Index} ({gpu.Model}, {gpu.Uuid})"))}.");
            default:
                throw new UnreachableException($"No such choice of GPUs: {choice}.");
        }
    }

    private static bool Names(Gpu gpu, string id) =>
        id == gpu.Index.ToString(CultureInfo.InvariantCulture) || id.Equals(gpu.Uuid, StringComparison.OrdinalIgnoreCase);

    private static GpuInventory Broken(string fault) => new([], fault);

    private static string FirstLine(string output, string error) =>
        (error + "\n" + output).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? "it said nothing";
}
