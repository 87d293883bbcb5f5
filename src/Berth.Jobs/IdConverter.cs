using System.Text.Json;
using System.Text.Json.Serialization;

namespace Berth.Jobs;

/// <summary>Writes an id as the plain text it is; a text that is no such id is refused with a JsonException.</summary>
public sealed class IdConverter<TId> : JsonConverter<TId>
    where TId : struct, IParsable<TId>
{
    public override TId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        TId.TryParse(reader.GetString(), null, out var id) ? id : throw new JsonException($"Not a {typeof(TId).Name}.");

    public override void Write(Utf8JsonWriter writer, TId value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
