using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Berth.Tests.Jobs.Definitions;

/// <summary>As much of JSON Schema draft-07 as the schema of job definitions uses; a keyword beyond that fails the test that meets it.</summary>
internal sealed class DraftSevenSchema(JsonNode root)
{
    public JsonObject Definitions => root["definitions"]!.AsObject();

    public JsonObject Root => root.AsObject();

    public bool Accepts(JsonNode? value) => Accepts(root, value);

    private bool Accepts(JsonNode schema, JsonNode? value)
    {
        if (schema is JsonValue always)
        {
            return always.GetValue<bool>();
        }

        var keywords = schema.AsObject();
        return keywords.All(keyword => Holds(keyword.Key, keyword.Value!, keywords, value));
    }

    private bool Holds(string keyword, JsonNode rule, JsonObject all, JsonNode? value) => keyword switch
    {
        "$schema" or "title" or "description" or "definitions" or "then" or "else" => true,
        "$ref" => Accepts(Definitions[rule.GetValue<string>()["#/definitions/".Length..]]!, value),
        "type" => rule is JsonArray types ? types.Any(type => IsType(type!.GetValue<string>(), value)) : IsType(rule.GetValue<string>(), value),
        "enum" => rule.AsArray().Any(one => JsonNode.DeepEquals(one, value)),
        "const" => JsonNode.DeepEquals(rule, value),
        "anyOf" => rule.AsArray().Any(one => Accepts(one!, value)),
        "allOf" => rule.AsArray().All(one => Accepts(one!, value)),
        "if" => Accepts(rule, value)
            ? all["then"] is not { } then || Accepts(then, value)
            : all["else"] is not { } otherwise || Accepts(otherwise, value),
        "required" => value is not JsonObject map || rule.AsArray().All(name => map.ContainsKey(name!.GetValue<string>())),
        "properties" => value is not JsonObject map
            || rule.AsObject().All(property => !map.TryGetPropertyValue(property.Key, out var member) || Accepts(property.Value!, member)),
        "additionalProperties" => value is not JsonObject map
            || map.Where(member => all["properties"]?[member.Key] is null).All(member => Accepts(rule, member.Value)),
        "propertyNames" => value is not JsonObject map || map.All(member => Accepts(rule, JsonValue.Create(member.Key))),
        "items" => value is not JsonArray list || list.All(item => Accepts(rule, item)),
        "minItems" => value is not JsonArray list || list.Count >= rule.GetValue<int>(),
        "maxItems" => value is not JsonArray list || list.Count <= rule.GetValue<int>(),
        "uniqueItems" => value is not JsonArray list || list.Select(item => item?.ToJsonString()).Distinct().Count() == list.Count,
        "minimum" => Number(value) is not { } number || number >= rule.GetValue<double>(),
        "maximum" => Number(value) is not { } number || number <= rule.GetValue<double>(),
        "minLength" => Text(value) is not { } text || text.Length >= rule.GetValue<int>(),
        "maxLength" => Text(value) is not { } text || text.Length <= rule.GetValue<int>(),
        "pattern" => Text(value) is not { } text || Regex.IsMatch(text, rule.GetValue<string>()),
        _ => throw new NotSupportedException($"The schema uses '{keyword}', which this validator does not know."),
    };

    private static bool IsType(string type, JsonNode? value) => type switch
    {
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "string" => Text(value) is not null,
        "boolean" => value is JsonValue flag && flag.GetValueKind() is System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False,
        "number" => Number(value) is not null,
        "integer" => Number(value) is { } number && Math.Floor(number) == number,
        _ => throw new NotSupportedException($"The schema uses the type '{type}', which this validator does not know."),
    };

    private static string? Text(JsonNode? value) => value?.GetValueKind() is System.Text.Json.JsonValueKind.String ? value.GetValue<string>() : null;

    private static double? Number(JsonNode? value) =>
        value?.GetValueKind() is System.Text.Json.JsonValueKind.Number ? double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture) : null;
}
