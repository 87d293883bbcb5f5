using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Berth.Jobs.Definitions;

/// <summary>Writes a document as strict JSON: what a definition read from YAML, or with comments, becomes on its way out.</summary>
public static class JobDefinitionWriter
{
    private static readonly JsonWriterOptions Indented = new()
    {
        Indented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonWriterOptions Compact = Indented with { Indented = false };

    /// <summary>The definition's whole document, members in their order, nothing added.</summary>
    public static byte[] Write(JobDefinition definition) => Write(definition.Document);

    /// <summary>The node as JSON text in UTF-8, indented for people unless asked otherwise.</summary>
    public static byte[] Write(DocumentNode node, bool indented = true)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes, indented ? Indented : Compact))
        {
            Write(node, writer);
        }

        return bytes.WrittenSpan.ToArray();
    }

    private static void Write(DocumentNode node, Utf8JsonWriter writer)
    {
        switch (node)
        {
            case ObjectNode { Members: var members }:
                writer.WriteStartObject();
                foreach (var member in members)
                {
                    writer.WritePropertyName(member.Name);
                    Write(member.Value, writer);
                }

                writer.WriteEndObject();
                break;
            case ListNode { Items: var items }:
                writer.WriteStartArray();
                foreach (var item in items)
                {
                    Write(item, writer);
                }

                writer.WriteEndArray();
                break;
            case TextNode { Value: var text }:
                writer.WriteStringValue(text);
                break;
            case NumberNode { Raw: var raw }:
                writer.WriteRawValue(raw);
                break;
            case BooleanNode { Value: var value }:
                writer.WriteBooleanValue(value);
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }
}
