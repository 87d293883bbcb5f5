using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>
/// Puts values in place of placeholders, all through a tree. Where a placeholder is all of a text its value is shaped by the
/// place: one text among members, further items in a list, the whole value behind a marker.
/// </summary>
internal sealed class Interpolation(PlaceholderValues values, FillingReport report, Allowance allowance)
{
    private enum Place
    {
        Plain,

        /// <summary>The value of a marker, where a list or an object may stay what it is.</summary>
        Marker,

        /// <summary>The value of a marker in chunks: pieces of one JSON text, none of which is read alone.</summary>
        Chunks,
    }

    public DocumentNode Fill(DocumentNode node, DocumentPath path) => Fill(node, path, Place.Plain, 0);

    private DocumentNode Fill(DocumentNode node, DocumentPath path, Place place, int depth)
    {
        if (depth > Allowance.MaximumDepth)
        {
            report.Refuse(path, node.Position, "the arguments are nested too deeply", null);
            return node;
        }

        return node switch
        {
            _ when report.IsFull || allowance.IsSpent => node,
            ObjectNode map => FillMembers(map, path, depth),
            ListNode list => FillItems(list, path, place, depth),
            TextNode text => FillText(text, path, place),
            _ => node,
        };
    }

    private ObjectNode FillMembers(ObjectNode map, DocumentPath path, int depth)
    {
        var members = map.Members.ToBuilder();
        var isChanged = false;
        for (var index = 0; index < members.Count; index++)
        {
            var member = members[index];
            var place = member.Name switch
            {
                Marker.Spread when Marker.IsChunked(map) => Place.Chunks,
                Marker.Spread or Marker.Pairs => Place.Marker,
                _ => Place.Plain,
            };
            var value = Fill(member.Value, path.Member(member.Name), place, depth + 1);
            isChanged |= !ReferenceEquals(value, member.Value);
            members[index] = member with { Value = value };
        }

        return isChanged ? map with { Members = members.ToImmutable() } : map;
    }

    private ListNode FillItems(ListNode list, DocumentPath path, Place place, int depth)
    {
        var items = ImmutableArray.CreateBuilder<DocumentNode>(list.Items.Length);
        var isChanged = false;
        for (var index = 0; index < list.Items.Length; index++)
        {
            var item = list.Items[index];
            var itemPath = path.Item(index);
            if (item is TextNode text && Whole(text.Value) is { } placeholder)
            {
                items.AddRange(Token.Of(ValueOf(Resolve(placeholder, text, itemPath), text, place)));
                isChanged = true;
            }
            else
            {
                var filled = Fill(item, itemPath, Place.Plain, depth + 1);
                items.Add(filled);
                isChanged |= !ReferenceEquals(filled, item);
            }
        }

        return isChanged ? list with { Items = items.ToImmutable() } : list;
    }

    private DocumentNode FillText(TextNode text, DocumentPath path, Place place)
    {
        if (Whole(text.Value) is not { } placeholder)
        {
            return FillWithin(text, path);
        }

        var resolution = Resolve(placeholder, text, path);
        return place == Place.Plain
            ? AsSingle(ValueOf(ObjectAsText(resolution), text, place))
            : AsMarkerValue(ValueOf(resolution, text, place), place);
    }

    /// <summary>Where a text is wanted, one that is a JSON object would only become a text again.</summary>
    private static Resolution ObjectAsText(Resolution resolution) =>
        resolution is ResolvedText text && text.Value.AsSpan().TrimStart() is ['{', ..] ? text with { MayBeJson = false } : resolution;

    private Placeholder? Whole(string text) => PlaceholderScanner.Whole(text, values.Operations.ContainsKey);

    private TextNode FillWithin(TextNode text, DocumentPath path)
    {
        var filled = new StringBuilder();
        var copied = 0;
        foreach (var placeholder in PlaceholderScanner.Scan(text.Value, values.Operations.ContainsKey))
        {
            filled.Append(text.Value, copied, placeholder.Start - copied);
            copied = placeholder.Start + placeholder.Text.Length;
            var tokens = Resolve(placeholder, text, path) switch
            {
                ResolvedText single => [single.Value],
                ResolvedMatches { Matches: var matches } => matches,
                _ => ImmutableArray<string?>.Empty,
            };
            if (report.IsFull || !allowance.TakeText(tokens.Sum(token => (token?.Length ?? 0) + 1L)))
            {
                return text;
            }

            filled.AppendJoin(' ', tokens);
        }

        return copied == 0 ? text : text with { Value = filled.Append(text.Value, copied, text.Value.Length - copied).ToString() };
    }

    private Resolution Resolve(Placeholder placeholder, TextNode text, DocumentPath path)
    {
        var resolution = PlaceholderResolver.Resolve(placeholder, values);
        if (resolution is Unresolved unresolved)
        {
            report.Unresolved(path, text.Position, placeholder, unresolved);
        }

        return resolution;
    }

    private DocumentNode ValueOf(Resolution resolution, TextNode text, Place place) => resolution switch
    {
        ResolvedText single => ValueOf(single.Value, single.MayBeJson && place != Place.Chunks, text.Position),
        ResolvedMatches matches => ListOf(matches.Matches, place != Place.Chunks, text.Position),
        Unresolved => text,
        var other => throw new UnreachableException($"No value for {other.GetType().Name}."),
    };

    private ListNode ListOf(ImmutableArray<string?> matches, bool mayBeJson, TextPosition position)
    {
        var items = ImmutableArray.CreateBuilder<DocumentNode>(matches.Length);
        foreach (var match in matches)
        {
            if (allowance.IsSpent)
            {
                break;
            }

            items.Add(ValueOf(match ?? "", mayBeJson, position));
        }

        return new ListNode(items.ToImmutable(), position);
    }

    private DocumentNode ValueOf(string value, bool mayBeJson, TextPosition position)
    {
        if (mayBeJson && JsonText.Suggests(value) && JsonText.Parse(value, position, allowance) is { } parsed)
        {
            return parsed;
        }

        allowance.TakeNode();
        allowance.TakeText(value.Length);
        return new TextNode(value, position);
    }

    /// <summary>Where a text stood: the only item as what it is, else all tokens in one text.</summary>
    private DocumentNode AsSingle(DocumentNode value)
    {
        if (value is ListNode { Items: [var only] })
        {
            return only;
        }

        if (value is TextNode || allowance.IsSpent)
        {
            return value;
        }

        var joined = string.Join(' ', Token.Of(value).Select(Token.TextOf));
        allowance.TakeText(joined.Length);
        return new TextNode(joined, value.Position);
    }

    /// <summary>Where a marker wants JSON: what a text would give, when that is JSON; else the value itself.</summary>
    private DocumentNode AsMarkerValue(DocumentNode value, Place place)
    {
        if (place == Place.Chunks || value is not ListNode list)
        {
            return value;
        }

        return AsSingle(list) switch
        {
            TextNode text when JsonText.Suggests(text.Value) && JsonText.Parse(text.Value, text.Position, allowance) is { } parsed => parsed,
            ListNode or ObjectNode => list.Items[0],
            _ => list,
        };
    }
}
