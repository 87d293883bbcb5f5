using System.Text.Json;
using System.Text.Json.Serialization;

namespace Berth.Protocol;

/// <summary>Writes an amount as its integer number of micro-NOS.</summary>
public sealed class NosConverter : JsonConverter<Nos>
{
    public override Nos Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetInt64());

    public override void Write(Utf8JsonWriter writer, Nos value, JsonSerializerOptions options) => writer.WriteNumberValue(value.Micro);
}
