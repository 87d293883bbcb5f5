using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Berth.Jobs.Definitions;

/// <summary>Writes a document as strict JSON, every character that may stand as itself so: what a definition read from YAML, or with comments, becomes on its way out.</summary>
public static class JobDefinitionWriter
{
    /// <summary>The definition's whole document, members in their order, nothing added.</summary>
    public static byte[] Write(JobDefinition definition) => Write(definition.Document);

    /// <summary>The node as JSON text in UTF-8, indented for people unless asked otherwise.</summary>
    public static byte[] Write(DocumentNode node, bool indented = true) => Encoding.UTF8.GetBytes(Text(node, indented));

    /// <summary>The node as JSON text on one line, or indented.</summary>
    public static string Text(DocumentNode node, bool indented = false)
    {
        var text = new StringBuilder();
        Write(node, text, indented ? "\n" : null);
        return text.ToString();
    }

    /// <summary>Each line begins with <paramref name="newLine"/>, the blanks of its depth included; null is no lines.</summary>
    private static void Write(DocumentNode node, StringBuilder text, string? newLine)
    {
        switch (node)
        {
            case ObjectNode { Members: var members }:
                WriteAll('{', '}', members.Length, text, newLine, (index, inner) =>
                {
                    WriteText(members[index].Name, text);
                    text.Append(newLine is null ? ":" : ": ");
                    Write(members[index].Value, text, inner);
                });
                break;
            case ListNode { Items: var items }:
                WriteAll('[', ']', items.Length, text, newLine, (index, inner) => Write(items[index], text, inner));
                break;
            case TextNode value:
                WriteText(value.Value, text);
                break;
            case NumberNode number:
                text.Append(number.Raw);
                break;
            case BooleanNode boolean:
                text.Append(boolean.Value ? "true" : "false");
                break;
            case NullNode:
                text.Append("null");
                break;
            default:
                throw new UnreachableException($"No JSON for {node.GetType().Name}.");
        }
    }

    private static void WriteAll(char open, char close, int count, StringBuilder text, string? newLine, Action<int, string?> write)
    {
        var inner = newLine is null ? null : newLine + "  ";
        text.Append(open);
        for (var index = 0; index < count; index++)
        {
            text.Append(index > 0 ? "," : "").Append(inner);
            write(index, inner);
        }

        text.Append(count > 0 ? newLine : null).Append(close);
    }

    private static void WriteText(string value, StringBuilder text)
    {
        text.Append('"');
        for (var index = 0; index < value.Length; index++)
        {
            var character = value[index];
            var isPair = char.IsHighSurrogate(character) && index + 1 < value.Length && char.IsLowSurrogate(value[index + 1]);
            _ = character switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                _ when isPair => text.Append(character).Append(value[++index]),
                < ' ' => Escaped(character),
                _ when char.IsSurrogate(character) => Escaped(character),
                _ => text.Append(character),
            };
        }

        text.Append('"');

        StringBuilder Escaped(char character) => text.Append("\\u").Append(((int)character).ToString("x4", CultureInfo.InvariantCulture));
    }
}
