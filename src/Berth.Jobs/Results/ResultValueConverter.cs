using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Berth.Jobs.Results;

/// <summary>Writes a <see cref="ResultValue"/> as clients know it: an array of texts, or the error as one text.</summary>
public sealed class ResultValueConverter : JsonConverter<ResultValue>
{
    public override ResultValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return new ResultValue { Error = reader.GetString() };
        }

        var matches = ImmutableArray.CreateBuilder<string?>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            matches.Add(reader.TokenType == JsonTokenType.Null ? null : reader.GetString());
        }

        return new ResultValue { Matches = matches.ToImmutable() };
    }

    public override void Write(Utf8JsonWriter writer, ResultValue value, JsonSerializerOptions options)
    {
        if (value.Error is { } error)
        {
            writer.WriteStringValue(error);
            return;
        }

        writer.WriteStartArray();
        foreach (var match in value.Matches)
        {
            writer.WriteStringValue(match);
        }

        writer.WriteEndArray();
    }
}
