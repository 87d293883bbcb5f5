using System.Text.Json;
using Berth.Jobs.Definitions;
using CsCheck;

namespace Berth.Tests.Jobs.Placeholders;

/// <summary>Document trees for tests: from JSON, to JSON, and at random.</summary>
internal static class Tree
{
    private static readonly TextPosition Place = new(3, 7);

    public static Gen<string> AnyText { get; } = Gen.OneOf(
        Gen.String,
        OneOf("100%% sure", "%%", "{\"a\":1}", "[1,2]", "%%ops.a%%", "$HOME", "__spread__", "")).Select(text => text.Replace("%%ops.", "%%op.", StringComparison.Ordinal));

    public static Gen<DocumentNode> AnyNode { get; } = Gen.Recursive<DocumentNode>((depth, node) => depth > 3
        ? AnyText.Select(text => (DocumentNode)new TextNode(text))
        : Gen.OneOf(
            AnyText.Select(text => (DocumentNode)new TextNode(text)),
            Gen.Int.Select(number => (DocumentNode)new NumberNode($"{number}")),
            Gen.Bool.Select(value => (DocumentNode)new BooleanNode(value)),
            Gen.Const((DocumentNode)new NullNode()),
            node.Array[0, 3].Select(items => (DocumentNode)new ListNode([.. items])),
            Members(node).Select(map => (DocumentNode)map)));

    public static Gen<ObjectNode> AnyObject => Members(AnyNode);

    public static ObjectNode Object(string json) => (ObjectNode)Read(json);

    public static DocumentNode Read(string json)
    {
        using var document = JsonDocument.Parse(json);
        return From(document.RootElement);
    }

    public static string Json(DocumentNode? node) => node switch
    {
        null => "nothing",
        ObjectNode map => $"{{{string.Join(',', map.Members.Select(member => $"{Quoted(member.Name)}:{Json(member.Value)}"))}}}",
        ListNode list => $"[{string.Join(',', list.Items.Select(Json))}]",
        TextNode text => Quoted(text.Value),
        NumberNode number => number.Raw,
        BooleanNode { Value: true } => "true",
        BooleanNode => "false",
        _ => "null",
    };

    public static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(index => texts[index]);

    private static Gen<ObjectNode> Members(Gen<DocumentNode> value) =>
        Gen.Select(AnyText, value).Array[0, 4].Select(members => new ObjectNode([.. members
            .Where(member => member.Item1 is not ("__spread__" or "__pairs__" or "env"))
            .DistinctBy(member => member.Item1)
            .Select(member => new ObjectMember(member.Item1, member.Item2))]));

    private static string Quoted(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static DocumentNode From(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => new ObjectNode([.. element.EnumerateObject().Select(member => new ObjectMember(member.Name, From(member.Value), Place))], Place),
        JsonValueKind.Array => new ListNode([.. element.EnumerateArray().Select(From)], Place),
        JsonValueKind.String => new TextNode(element.GetString()!, Place),
        JsonValueKind.Number => new NumberNode(element.GetRawText(), Place),
        JsonValueKind.Null => new NullNode(Place),
        var kind => new BooleanNode(kind == JsonValueKind.True, Place),
    };
}
