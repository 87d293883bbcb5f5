using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>Widens lists and objects by what their markers hold, all through a tree whose placeholders are filled.</summary>
internal sealed class MarkerExpansion(FillingReport report, Allowance allowance)
{
    public DocumentNode Expand(DocumentNode node, DocumentPath path) => Expand(node, path, 0);

    private DocumentNode Expand(DocumentNode node, DocumentPath path, int depth)
    {
        if (depth > Allowance.MaximumDepth)
        {
            report.Refuse(path, node.Position, "the arguments are nested too deeply", null);
            return node;
        }

        return node switch
        {
            ObjectNode map => ExpandMembers(map, path, depth),
            ListNode list => ExpandItems(list, path, depth),
            _ => node,
        };
    }

    private ListNode ExpandItems(ListNode list, DocumentPath path, int depth)
    {
        var items = ImmutableArray.CreateBuilder<DocumentNode>(list.Items.Length);
        var isChanged = false;
        for (var index = 0; index < list.Items.Length && !allowance.IsSpent; index++)
        {
            var item = list.Items[index];
            var itemPath = path.Item(index);
            var expanded = item is ObjectNode map && Marker.IsSpread(map) ? SpreadItems(map, itemPath, depth) : [Expand(item, itemPath, depth + 1)];
            items.AddRange(expanded);
            isChanged |= expanded is not [var same] || !ReferenceEquals(same, item);
        }

        return isChanged ? list with { Items = items.ToImmutable() } : list;
    }

    private ImmutableArray<DocumentNode> SpreadItems(ObjectNode marker, DocumentPath path, int depth)
    {
        var list = marker[Marker.Spread] is ListNode chunks && Marker.IsChunked(marker)
            ? Value<ListNode>(new TextNode(string.Concat(chunks.Items.Select(Token.TextOf)), chunks.Position), "__spread__ chunked array", path, depth)
            : Value<ListNode>(marker[Marker.Spread]!, Marker.Spread, path, depth);
        return list?.Items ?? [];
    }

    private ObjectNode ExpandMembers(ObjectNode map, DocumentPath path, int depth)
    {
        var members = new MemberList();
        var isChanged = false;
        foreach (var member in map.Members.Where(member => !Marker.IsMarkerName(member.Name)))
        {
            var value = Expand(member.Value, path.Member(member.Name), depth + 1);
            isChanged |= !ReferenceEquals(value, member.Value);
            members.Set(member with { Value = value });
        }

        if (map[Marker.Spread] is { } spread)
        {
            isChanged = true;
            SpreadMembers(spread, members, path, depth);
        }

        if (map[Marker.Pairs] is { } pairs)
        {
            isChanged = true;
            AddPairs(pairs, members, path, depth);
        }

        return isChanged ? map with { Members = members.ToImmutable() } : map;
    }

    private void SpreadMembers(DocumentNode spread, MemberList members, DocumentPath path, int depth)
    {
        foreach (var field in Value<ObjectNode>(spread, Marker.Spread, path, depth)?.Members ?? [])
        {
            members.Set(field);
        }
    }

    private void AddPairs(DocumentNode pairs, MemberList members, DocumentPath path, int depth)
    {
        foreach (var item in Value<ListNode>(pairs, Marker.Pairs, path, depth)?.Items ?? [])
        {
            switch (item)
            {
                case ObjectNode pair when pair["key"] is TextNode key:
                    members.Set(new ObjectMember(key.Value, pair["value"] ?? new TextNode("", pair.Position), key.Position));
                    break;
                case ObjectNode:
                    Refuse(item, path, "__pairs__ item.key must be string");
                    break;
                default:
                    Refuse(item, path, "__pairs__ items must be objects");
                    break;
            }
        }
    }

    /// <summary>What a marker holds, read when it is JSON in a text, its own markers expanded; null when it is something else, which is reported.</summary>
    private T? Value<T>(DocumentNode held, string what, DocumentPath path, int depth)
        where T : DocumentNode
    {
        var value = held is TextNode text ? JsonText.Parse(text.Value, text.Position, allowance) : held;
        if (value is null)
        {
            if (!allowance.IsSpent)
            {
                Refuse(held, path, $"{what} is not valid JSON: {Form.Shown(held, path)}");
            }

            return null;
        }

        if (Expand(value, path, depth + 1) is T expanded)
        {
            return expanded;
        }

        Refuse(value, path, $"{what.Split(' ')[0]} must be a JSON {(typeof(T) == typeof(ListNode) ? "array" : "object")}");
        return null;
    }

    private void Refuse(DocumentNode value, DocumentPath path, string why) => report.Refuse(path, value.Position, why, Form.Shown(value, path));
}
