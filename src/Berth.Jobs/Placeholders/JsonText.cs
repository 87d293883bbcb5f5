using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>JSON inside a text: read into nodes that all stand where the text stands. Read as strictly as programs write it, unlike what people type: no comments, and the last of two equal names counts.</summary>
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
}
