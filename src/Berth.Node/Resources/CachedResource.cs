using System.Text.Json.Serialization;

namespace Berth.Node.Resources;

/// <summary>A resource that lies whole in the cache.</summary>
public sealed record CachedResource
{
    /// <summary>The name of its folder.</summary>
    [JsonIgnore]
    public string Key { get; init; } = "";

    /// <summary>Where its files are; what is mounted.</summary>
    [JsonIgnore]
    public string Files { get; init; } = "";

    /// <summary>The same for all versions of one resource.</summary>
    public required string Resource { get; init; }

    public required string Type { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    public required long Bytes { get; init; }

    public required int FileCount { get; init; }

    public required DateTimeOffset FetchedAt { get; init; }

    /// <summary>The start of the machine it was fetched in.</summary>
    public required string BootId { get; init; }

    [JsonIgnore]
    public DateTimeOffset UsedAt { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(CachedResource))]
internal sealed partial class CachedResourceJson : JsonSerializerContext;
