using Berth.Jobs.Definitions;

namespace Berth.Tests.Jobs.Definitions;

/// <summary>Compares trees by what they say, wherever it stood.</summary>
internal static class Shape
{
    public static bool Same(DocumentNode a, DocumentNode b) => (a, b) switch
    {
        (ObjectNode x, ObjectNode y) => x.Members.Length == y.Members.Length
            && x.Members.Zip(y.Members).All(pair => pair.First.Name == pair.Second.Name && Same(pair.First.Value, pair.Second.Value)),
        (ListNode x, ListNode y) => x.Items.Length == y.Items.Length && x.Items.Zip(y.Items).All(pair => Same(pair.First, pair.Second)),
        (TextNode x, TextNode y) => x.Value == y.Value,
        (NumberNode x, NumberNode y) => x.Raw == y.Raw,
        (BooleanNode x, BooleanNode y) => x.Value == y.Value,
        (NullNode, NullNode) => true,
        _ => false,
    };
}
