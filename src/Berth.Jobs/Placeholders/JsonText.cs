using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>JSON inside a text: read into nodes that all stand where the text stands, and written compactly.</summary>
internal static class JsonText
{
    /// <summary>The value, or null when the text is no JSON or the allowance is spent.</summary>
    public static DocumentNode? Parse(string text, TextPosition position, Allowance allowance)
    {
        if (!allowance.TakeText(text.Length))
        {
            return null;
        }

        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text));
        try
        {
            var value = reader.Read() ? Read(ref reader, position, allowance) : null;
            return value is not null && !reader.Read() ? value : null;
        }
        catch (Exception notJson) when (notJson is JsonException or InvalidOperationException)
        {
            // InvalidOperationException is the reader's word for an escaped half of a surrogate pair.
            return null;
        }
    }

    /// <summary>Whether a value reads as a list or an object and not as plain text.</summary>
    public static bool Suggests(string text) => text.AsSpan().Trim() is ['[' or '{', ..];

    public static string Compact(DocumentNode node)
    {
        var text = new StringBuilder();
        Write(node, text);
        return text.ToString();
    }

    private static DocumentNode? Read(ref Utf8JsonReader reader, TextPosition position, Allowance allowance) => !allowance.TakeNode() ? null : reader.TokenType switch
    {
        JsonTokenType.StartObject => ReadObject(ref reader, position, allowance),
        JsonTokenType.StartArray => ReadList(ref reader, position, allowance),
        JsonTokenType.String => new TextNode(reader.GetString() ?? "", position),
        JsonTokenType.Number => new NumberNode(Encoding.UTF8.GetString(reader.ValueSpan), position),
        JsonTokenType.True => new BooleanNode(true, position),
        JsonTokenType.False => new BooleanNode(false, position),
        _ => new NullNode(position),
    };

    private static ListNode? ReadList(ref Utf8JsonReader reader, TextPosition position, Allowance allowance)
    {
        var items = ImmutableArray.CreateBuilder<DocumentNode>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (Read(ref reader, position, allowance) is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        return new ListNode(items.ToImmutable(), position);
    }

    private static ObjectNode? ReadObject(ref Utf8JsonReader reader, TextPosition position, Allowance allowance)
    {
        var members = new MemberList();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var name = reader.GetString() ?? "";
            reader.Read();
            if (Read(ref reader, position, allowance) is not { } value)
            {
                return null;
            }

            members.Set(new ObjectMember(name, value, position));
        }

        return new ObjectNode(members.ToImmutable(), position);
    }

    private static void Write(DocumentNode node, StringBuilder text)
    {
        switch (node)
        {
            case ObjectNode { Members: var members }:
                WriteAll('{', '}', members.Length, text, index =>
                {
                    WriteText(members[index].Name, text);
                    text.Append(':');
                    Write(members[index].Value, text);
                });
                break;
            case ListNode { Items: var items }:
                WriteAll('[', ']', items.Length, text, index => Write(items[index], text));
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

    private static void WriteAll(char open, char close, int count, StringBuilder text, Action<int> write)
    {
        text.Append(open);
        for (var index = 0; index < count; index++)
        {
            if (index > 0)
            {
                text.Append(',');
            }

            write(index);
        }

        text.Append(close);
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
