using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>The single values a list comes apart into where it has to stand in a text or among other elements.</summary>
internal static class Token
{
    /// <summary>The value itself, or the tokens of a list's items.</summary>
    public static IEnumerable<DocumentNode> Of(DocumentNode value) => value is ListNode list ? list.Items.SelectMany(Of) : [value];

    /// <summary>A value as text: nothing for null, compact JSON for what has parts.</summary>
    public static string TextOf(DocumentNode value) => value switch
    {
        TextNode text => text.Value,
        NullNode => "",
        _ => JobDefinitionWriter.Text(value),
    };
}
