using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>Widens lists and objects by what their markers hold, all through a tree whose placeholders are filled.</summary>
internal sealed class MarkerExpansion(FillingReport report, Allowance allowance)
{
    public DocumentNode Expand(DocumentNode node, string path) => Expand(node, path, 0);

    private DocumentNode Expand(DocumentNode node, string path, int depth)
    {
        if (depth > DocumentPath.MaximumDepth)
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

    private ListNode ExpandItems(ListNode list, string path, int depth)
    {
        var items = ImmutableArray.CreateBuilder<DocumentNode>(list.Items.Length);
        var isChanged = false;
        for (var index = 0; index < list.Items.Length && !allowance.IsSpent; index++)
        {
            var item = list.Items[index];
            var itemPath = DocumentPath.Item(path, index);
            var expanded = item is ObjectNode map && Marker.IsSpread(map) ? SpreadItems(map, itemPath, depth) : [Expand(item, itemPath, depth + 1)];
            items.AddRange(expanded);
            isChanged |= expanded is not [var same] || !ReferenceEquals(same, item);
        }

        return isChanged ? list with { Items = items.ToImmutable() } : list;
    }

    private ImmutableArray<DocumentNode> SpreadItems(ObjectNode marker, string path, int depth)
    {
        var value = marker[Marker.Spread] is ListNode chunks && Marker.IsChunked(marker)
            ? Parsed(new TextNode(string.Concat(chunks.Items.Select(Token.TextOf)), chunks.Position), "__spread__ chunked array", path)
            : Parsed(marker[Marker.Spread], Marker.Spread, path);
        if (Expanded(value, path, depth) is ListNode list)
        {
            return list.Items;
        }

        Refuse(value, path, "__spread__ must be a JSON array");
        return [];
    }

    private ObjectNode ExpandMembers(ObjectNode map, string path, int depth)
    {
        var members = new MemberList();
        var isChanged = false;
        foreach (var member in map.Members.Where(member => member.Name is not (Marker.Spread or Marker.Pairs)))
        {
            var value = Expand(member.Value, DocumentPath.Member(path, member.Name), depth + 1);
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

    private void SpreadMembers(DocumentNode spread, MemberList members, string path, int depth)
    {
        var value = Parsed(spread, Marker.Spread, path);
        if (Expanded(value, path, depth) is not ObjectNode fields)
        {
            Refuse(value, path, "__spread__ must be a JSON object");
            return;
        }

        foreach (var field in fields.Members)
        {
            members.Set(field);
        }
    }

    private void AddPairs(DocumentNode pairs, MemberList members, string path, int depth)
    {
        var value = Parsed(pairs, Marker.Pairs, path);
        if (Expanded(value, path, depth) is not ListNode list)
        {
            Refuse(value, path, "__pairs__ must be a JSON array");
            return;
        }

        foreach (var item in list.Items)
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

    /// <summary>A marker's value, read when it is JSON in a text; null when it is not, which is reported.</summary>
    private DocumentNode? Parsed(DocumentNode? value, string what, string path)
    {
        if (value is not TextNode text)
        {
            return value;
        }

        var parsed = JsonText.Parse(text.Value, text.Position, allowance);
        if (parsed is null && !allowance.IsSpent)
        {
            report.Refuse(path, text.Position, $"{what} is not valid JSON: {FillingReport.Shortened(text.Value)}", text.Value);
        }

        return parsed;
    }

    private DocumentNode? Expanded(DocumentNode? value, string path, int depth) => value is null ? null : Expand(value, path, depth + 1);

    /// <summary>Null was reported where it came about.</summary>
    private void Refuse(DocumentNode? value, string path, string why)
    {
        if (value is not null)
        {
            report.Refuse(path, value.Position, why, Token.TextOf(value));
        }
    }
}
