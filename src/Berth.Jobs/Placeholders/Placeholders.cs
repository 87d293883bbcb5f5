using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>The <c>%%…%%</c> of an operation's arguments, and the markers that widen them (job-language.md 1.12, 1.13).</summary>
public static class Placeholders
{
    /// <summary>
    /// The placeholders of a text, from left to right; what has their form but names nothing is among them. The known
    /// operations settle where an id with dots ends.
    /// </summary>
    public static ImmutableArray<Placeholder> Find(string text, IReadOnlySet<OperationId>? operations = null) =>
        [.. PlaceholderScanner.Scan(text, operations is null ? null : operations.Contains)];

    /// <summary>
    /// The operation's arguments as they are to be run, or an error for everything that could not be filled. A text without a
    /// placeholder is never changed, whatever it looks like. Never throws.
    /// </summary>
    /// <param name="template">The arguments as written, globals merged in.</param>
    /// <param name="values">What is known right now.</param>
    /// <param name="operation">Whose arguments they are.</param>
    /// <param name="path">Where they stand in the document, such as <c>$.ops[1].args</c>.</param>
    public static Filling Fill(ObjectNode template, PlaceholderValues values, OperationId operation, string path)
    {
        var report = new FillingReport(operation);
        var allowance = new Allowance();

        var root = DocumentPath.Of(path);

        // Only what stands in the document names secrets: what an operation printed does not, and a value is never read as a placeholder. So something nobody can guess stands in meanwhile.
        var secrets = new Dictionary<string, string>(StringComparer.Ordinal);
        var covered = SecretReferences.Replace(template, root, reference => Cover(reference, values, report, secrets));
        var interpolated = new Interpolation(values, report, allowance).Fill(covered, root);
        var expanded = report.IsClean ? new MarkerExpansion(report, allowance).Expand(WithExposeAsList(interpolated), root) : interpolated;
        if (allowance.IsSpent)
        {
            report.Refuse(
                root,
                template.Position,
                $"filled in, the arguments would have more than {Allowance.MaximumNodes} values or {Allowance.MaximumCharacters} characters");
        }

        return report.IsClean && expanded is ObjectNode arguments
            ? new Filling(Uncover(WithoutRemovals(WithTextEnvironment(arguments)), secrets), [])
            : new Filling(null, report.Problems);
    }

    private static string Cover(SecretReference reference, PlaceholderValues values, FillingReport report, Dictionary<string, string> secrets)
    {
        if (!values.Secrets.TryGetValue(reference.Name, out var value))
        {
            report.Refuse(DocumentPath.Of(reference.Path), reference.Position, $"the secret {reference.Name} has no value here");
            return "";
        }

        var cover = $"secret-{Guid.NewGuid():N}";
        secrets.Add(cover, value);
        return cover;
    }

    private static ObjectNode Uncover(ObjectNode arguments, Dictionary<string, string> secrets) => secrets.Count == 0 ? arguments : (ObjectNode)Uncover((DocumentNode)arguments, secrets);

    private static DocumentNode Uncover(DocumentNode node, Dictionary<string, string> secrets) => node switch
    {
        TextNode text when secrets.TryGetValue(text.Value, out var value) => text with { Value = value },
        ListNode list => list with { Items = [.. list.Items.Select(item => Uncover(item, secrets))] },
        ObjectNode map => map with { Members = [.. map.Members.Select(member => member with { Value = Uncover(member.Value, secrets) })] },
        _ => node,
    };

    /// <summary>What is exposed may be one marker, which stands for a list.</summary>
    private static DocumentNode WithExposeAsList(DocumentNode arguments) => arguments is ObjectNode map && map["expose"] is ObjectNode marker && Marker.IsSpread(marker)
        ? With(map, "expose", new ListNode([marker], marker.Position))
        : arguments;

    private static ObjectNode WithTextEnvironment(ObjectNode arguments) => arguments["env"] is ObjectNode environment
        ? With(arguments, "env", environment with { Members = [.. environment.Members.Select(member => member with { Value = AsText(member.Value) })] })
        : arguments;

    private static DocumentNode AsText(DocumentNode value) => value as TextNode ?? new TextNode(Token.TextOf(value), value.Position);

    /// <summary>An argument that is a list loses its first <c>__remove-if-empty__</c>, and is lost itself when nothing else is in it.</summary>
    private static ObjectNode WithoutRemovals(ObjectNode arguments)
    {
        foreach (var member in arguments.Members)
        {
            if (member.Value is ListNode list && list.Items.FirstOrDefault(item => item is TextNode { Value: Marker.RemoveIfEmpty }) is { } removal)
            {
                var rest = list.Items.RemoveAt(list.Items.IndexOf(removal));
                arguments = rest.IsEmpty
                    ? arguments with { Members = arguments.Members.RemoveAll(each => each.Name == member.Name) }
                    : With(arguments, member.Name, list with { Items = rest });
            }
        }

        return arguments;
    }

    private static ObjectNode With(ObjectNode node, string name, DocumentNode value) =>
        node with { Members = [.. node.Members.Select(member => member.Name == name ? member with { Value = value } : member)] };
}
