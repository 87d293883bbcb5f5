using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>A place in the text a person wrote; both count from 1, columns in characters.</summary>
public readonly record struct TextPosition(int Line, int Column)
{
    public override string ToString() => $"{Line}:{Column}";
}

/// <summary>One value of a JSON or YAML document together with where it stands; what the reader reads and placeholders fill.</summary>
public abstract record DocumentNode
{
    private protected DocumentNode(TextPosition position) => Position = position;

    public TextPosition Position { get; init; }
}

/// <summary>A map; members keep their order, names are unique.</summary>
public sealed record ObjectNode(ImmutableArray<ObjectMember> Members, TextPosition Position = default) : DocumentNode(Position)
{
    /// <summary>The member's value, or null when there is none of that name.</summary>
    public DocumentNode? this[string name] => Members.FirstOrDefault(member => member.Name == name)?.Value;
}

/// <summary>One name and value of an <see cref="ObjectNode"/>, with the name's own place.</summary>
public sealed record ObjectMember(string Name, DocumentNode Value, TextPosition NamePosition = default);

/// <summary>A list.</summary>
public sealed record ListNode(ImmutableArray<DocumentNode> Items, TextPosition Position = default) : DocumentNode(Position);

/// <summary>A text.</summary>
public sealed record TextNode(string Value, TextPosition Position = default) : DocumentNode(Position);

/// <summary>A number, kept as it was written so that nothing is rounded.</summary>
public sealed record NumberNode(string Raw, TextPosition Position = default) : DocumentNode(Position);

/// <summary>True or false.</summary>
public sealed record BooleanNode(bool Value, TextPosition Position = default) : DocumentNode(Position);

/// <summary>Null.</summary>
public sealed record NullNode(TextPosition Position = default) : DocumentNode(Position);
