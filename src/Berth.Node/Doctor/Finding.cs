using System.Text.Json.Serialization;

namespace Berth.Node.Doctor;

/// <summary>How something is.</summary>
public enum Health
{
    Ok,

    /// <summary>A node can work, but not as well as it might.</summary>
    Warn,

    /// <summary>A node cannot work until it is mended here.</summary>
    Fail,

    /// <summary>A node cannot work because something does not answer.</summary>
    Unreachable,
}

/// <summary>One thing a node needs, how it is, and what to do about it.</summary>
public sealed record Finding(string Subject, Health Health, string Sentence)
{
    public string? Fix { get; init; }
}

/// <summary>Findings as JSON, one a line.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(Finding))]
public sealed partial class FindingJson : JsonSerializerContext;
