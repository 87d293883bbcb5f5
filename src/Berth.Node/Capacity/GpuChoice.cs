using System.Collections.Immutable;
using System.Globalization;

namespace Berth.Node.Capacity;

/// <summary>Which of the machine's GPUs a run may use: what <c>--gpu</c> says.</summary>
public abstract record GpuChoice
{
    private protected GpuChoice()
    {
    }

    public static GpuChoice All { get; } = new AllOfThem();

    /// <summary>A job that asks for a GPU is refused.</summary>
    public static GpuChoice None { get; } = new NoneOfThem();

    /// <summary>Reads <c>all</c>, a count, or a list of UUIDs or of indices with a comma or a leading <c>#</c> in it (<c>#0</c>, <c>0,2</c>); null when it is none.</summary>
    public static GpuChoice? Read(string text)
    {
        var ids = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return text switch
        {
            "all" => All,
            _ when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) => count > 0 ? new SoMany(count) : null,
            _ when ids.Length > 0 && ids.All(IsId) => new These([.. ids.Select(id => id.TrimStart('#'))]),
            _ => null,
        };
    }

    private static bool IsId(string id) =>
        id.StartsWith("GPU-", StringComparison.OrdinalIgnoreCase) || int.TryParse(id.TrimStart('#'), NumberStyles.None, CultureInfo.InvariantCulture, out _);
}

/// <summary>No GPU.</summary>
public sealed record NoneOfThem : GpuChoice;

/// <summary>Every GPU of the machine.</summary>
public sealed record AllOfThem : GpuChoice;

/// <summary>That many, the first ones.</summary>
public sealed record SoMany(int Count) : GpuChoice;

/// <summary>These, by index or UUID.</summary>
public sealed record These(ImmutableArray<string> Ids) : GpuChoice;
