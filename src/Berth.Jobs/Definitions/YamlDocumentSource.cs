using System.Collections.Immutable;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Berth.Jobs.Definitions;

/// <summary>
/// Reads one YAML 1.2 document into the same tree that JSON gives. Only the library's event parser is used; what an anchor
/// stands for is counted again at every alias, so that a small text cannot become a huge tree.
/// </summary>
internal sealed class YamlDocumentSource
{
    private const int MostAliasedCharacters = DocumentText.LargestSize;
    private const string CoreTags = "tag:yaml.org,2002:";

    private readonly Parser _parser;
    private readonly TextCursor _cursor;
    private readonly ProblemList _problems;
    private readonly Dictionary<string, Anchored> _anchors = new(StringComparer.Ordinal);
    private readonly Dictionary<object, Anchored> _weighed = new(ReferenceEqualityComparer.Instance);
    private long _aliased;
    private Mark _reached = Mark.Empty;

    private YamlDocumentSource(string text, ProblemList problems)
    {
        _parser = new Parser(new StringReader(text));
        _cursor = new TextCursor(text);
        _problems = problems;
    }

    /// <summary>A node that has a name in this document: how much it weighs and how deep it is.</summary>
    private sealed record Anchored(DocumentNode Node, long Weight, int Depth);

    /// <summary>The tree, or null when the text is broken in a way that stops the reading.</summary>
    public static DocumentNode? Read(string text, ProblemList problems)
    {
        var source = new YamlDocumentSource(text, problems);
        try
        {
            return source.Document();
        }
        catch (YamlException broken)
        {
            problems.Error(DocumentPath.Root, source.At(broken.Start), $"This is no YAML: {broken.Message.TrimEnd('.')}.");
            return null;
        }
        catch (Exception broken) when (broken is InvalidOperationException or ArgumentException or IndexOutOfRangeException or KeyNotFoundException)
        {
            // The library answers some broken texts this way instead of with its own exception.
            problems.Error(DocumentPath.Root, source.At(source._reached), "This is no YAML, from here on.");
            return null;
        }
    }

    private ParsingEvent Next()
    {
        _parser.MoveNext();
        _reached = _parser.Current?.End ?? _reached;
        return _parser.Current ?? throw new YamlException("The document ends too early.");
    }

    private DocumentNode? Document()
    {
        Next();
        var first = Next();
        if (first is StreamEnd)
        {
            return Stop(DocumentPath.Root, first, "The document is empty.");
        }

        if (Value(DocumentPath.Root, Next(), 1) is not { } root)
        {
            return null;
        }

        Next();
        var after = Next();
        return after is StreamEnd
            ? root
            : Stop(DocumentPath.Root, after, "A second document begins here; a job definition is one document.");
    }

    private DocumentNode? Value(DocumentPath path, ParsingEvent happened, int depth)
    {
        if (happened is not AnchorAlias && depth > DocumentText.DeepestNesting && happened is MappingStart or SequenceStart)
        {
            return Stop(path, happened, $"Objects and lists stand more than {DocumentText.DeepestNesting} deep in one another.");
        }

        var node = happened switch
        {
            AnchorAlias alias => Aliased(path, alias, depth),
            Scalar scalar => Scalar(path, scalar),
            MappingStart start => Object(path, start, depth),
            SequenceStart start => List(path, start, depth),
            _ => Stop(path, happened, "A value is expected here."),
        };
        if (node is not null && happened is NodeEvent { Anchor.IsEmpty: false } named)
        {
            _anchors[named.Anchor.Value] = _weighed[node] = Weighed(node);
        }

        return node;
    }

    private DocumentNode? Aliased(DocumentPath path, AnchorAlias alias, int depth)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var anchored))
        {
            return Stop(path, alias, $"Nothing before this is named '&{alias.Value.Value}'.");
        }

        _aliased += anchored.Weight;
        if (_aliased > MostAliasedCharacters)
        {
            return Stop(path, alias, "The aliases of this document stand for too much text; write it out, or use fewer.");
        }

        return depth + anchored.Depth - 1 > DocumentText.DeepestNesting
            ? Stop(path, alias, $"Objects and lists stand more than {DocumentText.DeepestNesting} deep in one another.")
            : anchored.Node;
    }

    private ObjectNode? Object(DocumentPath path, MappingStart start, int depth)
    {
        if (!HasTag(path, start, "map"))
        {
            return null;
        }

        var opened = At(start.Start);
        var members = ImmutableArray.CreateBuilder<ObjectMember>();
        var places = new Dictionary<string, TextPosition>(StringComparer.Ordinal);
        while (true)
        {
            var happened = Next();
            if (happened is MappingEnd)
            {
                return new ObjectNode(members.ToImmutable(), opened);
            }

            if (happened is not Scalar { Value: var name } key)
            {
                Stop(path, happened, "The name of a member must be a plain text.");
                return null;
            }

            var position = At(key.Start);
            var memberPath = path.Member(name);
            if (name == "<<" && key.Style is ScalarStyle.Plain)
            {
                Stop(memberPath, key, "Merge keys ('<<') are not part of YAML 1.2 and are not followed; write the members out.");
                return null;
            }

            TextRules.Check(name, path, position, _problems);
            if (Value(memberPath, Next(), depth + 1) is not { } value)
            {
                return null;
            }

            if (places.TryAdd(name, position))
            {
                members.Add(new ObjectMember(name, value, position));
            }
            else
            {
                _problems.Error(memberPath, position, $"This name stands here for the second time; it was given first at {places[name]}.");
            }
        }
    }

    private ListNode? List(DocumentPath path, SequenceStart start, int depth)
    {
        if (!HasTag(path, start, "seq"))
        {
            return null;
        }

        var opened = At(start.Start);
        var items = ImmutableArray.CreateBuilder<DocumentNode>();
        while (true)
        {
            var happened = Next();
            if (happened is SequenceEnd)
            {
                return new ListNode(items.ToImmutable(), opened);
            }

            if (Value(path.Item(items.Count), happened, depth + 1) is not { } item)
            {
                return null;
            }

            items.Add(item);
        }
    }

    private DocumentNode? Scalar(DocumentPath path, Scalar scalar)
    {
        var position = At(scalar.Start);
        TextRules.Check(scalar.Value, path, position, _problems);
        var tag = scalar.Tag.IsEmpty ? scalar.Style is ScalarStyle.Plain ? "" : "str" : ShortTag(scalar);
        if (tag is "str" or "!")
        {
            return new TextNode(scalar.Value, position);
        }

        var node = YamlScalar.Resolve(scalar.Value, position);
        if (node is null)
        {
            return Stop(path, scalar, "This number has no form in JSON; put it in quotes if it is text.");
        }

        var fits = tag switch
        {
            "" => true,
            "null" => node is NullNode,
            "bool" => node is BooleanNode,
            "int" => node is NumberNode { Raw: var raw } && raw.AsSpan().IndexOfAny('.', 'e', 'E') < 0,
            "float" => node is NumberNode,
            _ => false,
        };
        return fits ? node : Stop(path, scalar, $"The tag '{scalar.Tag}' does not go with this value.");
    }

    private bool HasTag(DocumentPath path, NodeEvent node, string core)
    {
        if (node.Tag.IsEmpty || ShortTag(node) == core || ShortTag(node) == "!")
        {
            return true;
        }

        Stop(path, node, $"The tag '{node.Tag}' is not known here; leave it out.");
        return false;
    }

    private static string ShortTag(NodeEvent node) =>
        node.Tag.IsNonSpecific ? "!"
        : node.Tag.Value.StartsWith(CoreTags, StringComparison.Ordinal) ? node.Tag.Value[CoreTags.Length..]
        : node.Tag.Value;

    private Anchored Weighed(DocumentNode node)
    {
        if (_weighed.TryGetValue(node, out var known))
        {
            return known;
        }

        switch (node)
        {
            case ObjectNode { Members: var members }:
                var values = members.Select(member => (member.Name, Value: Weighed(member.Value))).ToList();
                return new Anchored(
                    node,
                    1 + values.Sum(member => member.Name.Length + member.Value.Weight),
                    1 + values.Select(member => member.Value.Depth).DefaultIfEmpty(0).Max());
            case ListNode { Items: var items }:
                var parts = items.Select(Weighed).ToList();
                return new Anchored(node, 1 + parts.Sum(part => part.Weight), 1 + parts.Select(part => part.Depth).DefaultIfEmpty(0).Max());
            case TextNode { Value: var text }:
                return new Anchored(node, 1 + text.Length, 1);
            default:
                return new Anchored(node, 1, 1);
        }
    }

    private TextPosition At(Mark mark) => _cursor.At((int)Math.Min(mark.Index, int.MaxValue));

    private DocumentNode? Stop(DocumentPath path, ParsingEvent happened, string message)
    {
        _problems.Error(path, At(happened.Start), message);
        return null;
    }
}
