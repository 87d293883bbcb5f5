using System.Text.Json;
using System.Text.Json.Serialization;

namespace Berth.Jobs.Results;

/// <summary>
/// Run events as JSON, one object an event with its <c>kind</c> first: the form of the journal, the wire and <c>--format json</c>.
/// Reading tolerates members it does not know, so an older program can read a newer one's journal.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    AllowOutOfOrderMetadataProperties = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(RunEvent))]
public sealed partial class RunEventJson : JsonSerializerContext
{
    /// <summary>The event as one line of UTF-8 without the newline.</summary>
    public static byte[] Write(RunEvent happened) => JsonSerializer.SerializeToUtf8Bytes(happened, Default.RunEvent);

    /// <summary>The event of the line, or null when the line is none: torn, or of a kind this program does not know.</summary>
    public static RunEvent? Read(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, Default.RunEvent);
        }
        catch (Exception none) when (none is JsonException or NotSupportedException)
        {
            return null;
        }
    }
}
