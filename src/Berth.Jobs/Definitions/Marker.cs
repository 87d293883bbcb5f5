using System.Text.RegularExpressions;

namespace Berth.Jobs.Definitions;

/// <summary>Recognizes what must be filled before an operation starts: literals in texts, and the collection markers (job-language.md 1.12, 1.13).</summary>
internal static partial class Marker
{
    public const string Spread = "__spread__";
    public const string Pairs = "__pairs__";
    public const string RemoveIfEmpty = "__remove-if-empty__";

    public static bool HasLiteral(string text) => text.Contains("%%", StringComparison.Ordinal) && Literal.IsMatch(text);

    public static bool IsMarkerName(string name) => name is Spread or Pairs;

    /// <summary>Whether the element of a list stands for others or for nothing.</summary>
    public static bool IsMarker(DocumentNode element) => element switch
    {
        ObjectNode marker => marker[Spread] is not null,
        TextNode { Value: RemoveIfEmpty } => true,
        _ => false,
    };

    /// <summary>Whether a literal or marker stands anywhere in the value.</summary>
    public static bool StandsIn(DocumentNode node) => node switch
    {
        TextNode { Value: var text } => text == RemoveIfEmpty || HasLiteral(text),
        ListNode { Items: var items } => items.Any(StandsIn),
        ObjectNode { Members: var members } => members.Any(member => IsMarkerName(member.Name) || StandsIn(member.Value)),
        _ => false,
    };

    [GeneratedRegex("%%(ops|globals?)\\.[^%]+%%")]
    public static partial Regex Literal { get; }
}
