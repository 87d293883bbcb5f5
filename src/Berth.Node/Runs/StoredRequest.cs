using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Berth.Jobs;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>
/// What <c>request.json</c> keeps of a run so that another process can go on with it. The definition stands in it as JSON text,
/// without its registry logins and the keys of its resources.
/// </summary>
public sealed record StoredRequest
{
    public required RunId Run { get; init; }

    public required JobId Job { get; init; }

    public required string Definition { get; init; }

    /// <summary>The definition had passwords or keys, which are not here.</summary>
    public bool HadLogins { get; init; }

    public TimeSpan? Timeout { get; init; }

    public PullPolicy Pull { get; init; }

    /// <summary>As <c>--gpu</c> said it; null runs without GPUs.</summary>
    public string? Gpu { get; init; }

    public required string OutputDirectory { get; init; }

    /// <summary>As <c>--artifact</c> said them.</summary>
    public ImmutableArray<ArtefactWish> Artefacts { get; set; } = [];

    public void Save(RunFolder folder) =>
        File.WriteAllBytes(folder.Request, JsonSerializer.SerializeToUtf8Bytes(this, StoredRequestJson.Default.StoredRequest));

    /// <summary>The request of the folder, or null when it has none that can be read.</summary>
    public static StoredRequest? Load(RunFolder folder)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(folder.Request), StoredRequestJson.Default.StoredRequest);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(StoredRequest))]
internal sealed partial class StoredRequestJson : JsonSerializerContext;
