using System.Globalization;
using Berth.Jobs.Definitions;

namespace Berth.Protocol;

/// <summary>
/// Takes what a job needs of a node from its definition: <c>meta.system_requirements</c> (job-language.md 1.3), the operations' <c>gpu</c> and <c>required_vram</c>. What cannot be read
/// as what it should be is a sentence, never a guess.
/// </summary>
public static class Requirements
{
    private const double LargestGigabytes = 1 << 20;

    /// <summary>What the definition says; what cannot be read is added to the faults.</summary>
    public static JobRequirements Of(JobDefinition definition, ICollection<string> faults)
    {
        var asked = definition.Meta.SystemRequirements;
        var containers = definition.Operations.OfType<RunContainer>().Select(operation => operation.Arguments).ToList();
        var usesGpu = containers.Any(arguments => arguments.Gpu);
        var vram = Math.Max(
            Math.Max(Gigabytes(asked, "required_vram", faults), Megabytes(asked, "vram_total_mb", faults)),
            containers.Max(arguments => (long?)Math.Ceiling((arguments.RequiredVram ?? 0) * 1024)) ?? 0);
        var cuda = Cuda(asked, faults);
        var gpus = (int)Number(asked, "gpu_count", 1024, faults);
        return new JobRequirements
        {
            Gpus = Math.Max(gpus, usesGpu ? 1 : 0),
            VramMib = usesGpu || gpus > 0 ? vram : 0,
            Cuda = usesGpu || gpus > 0 ? cuda : 0,
            GpuModel = Text(asked, "gpu_model") ?? Text(asked, "gpu_name"),
            MemoryMib = Math.Max(Gigabytes(asked, "required_ram", faults), Gigabytes(asked, "ram_gb", faults)),
            DiskMib = Math.Max(Gigabytes(asked, "required_disk", faults), Gigabytes(asked, "disk_gb", faults)),
            Cpus = (int)Number(asked, "required_cpu", 4096, faults),
        };
    }

    /// <summary>A version such as <c>12.8</c> as major × 100 + minor, or null when it is none.</summary>
    public static int? CudaVersion(string text)
    {
        var parts = text.Split('.');
        return parts is [var major, ..] && int.TryParse(major, NumberStyles.None, CultureInfo.InvariantCulture, out var whole) && whole is > 0 and < 1000
            ? (parts.Length < 2 ? whole * 100 : int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minor) && minor < 100 ? (whole * 100) + minor : null)
            : null;
    }

    // The list names the versions an image was made for: a driver of the oldest can run it.
    private static int Cuda(ObjectNode? asked, ICollection<string> faults)
    {
        var texts = asked?["required_cuda"] switch
        {
            null or NullNode => [],
            ListNode list => list.Items.Select(Raw).ToList(),
            var single => [Raw(single)],
        };
        var versions = texts.Select(text => text is null ? null : CudaVersion(text)).ToList();
        if (versions.Contains(null))
        {
            faults.Add("'required_cuda' is a list of versions such as \"12.8\".");
        }

        return versions.Min() ?? 0;
    }

    private static string? Raw(DocumentNode node) => node switch
    {
        TextNode text => text.Value,
        NumberNode number => number.Raw,
        _ => null,
    };

    private static string? Text(ObjectNode? asked, string name) => asked?[name] is TextNode { Value.Length: > 0 and <= 128 } text ? text.Value : null;

    private static long Gigabytes(ObjectNode? asked, string name, ICollection<string> faults) => (long)Math.Ceiling(Number(asked, name, LargestGigabytes, faults) * 1024);

    private static long Megabytes(ObjectNode? asked, string name, ICollection<string> faults) => (long)Math.Ceiling(Number(asked, name, LargestGigabytes * 1024, faults));

    private static double Number(ObjectNode? asked, string name, double most, ICollection<string> faults)
    {
        var text = asked?[name] is { } node and not NullNode ? Raw(node) : "0";
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= 0 && number <= most)
        {
            return number;
        }

        faults.Add($"'{name}' in meta.system_requirements is a number from 0 to {most:0}.");
        return 0;
    }
}
