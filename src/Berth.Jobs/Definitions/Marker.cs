using Berth.Jobs.Placeholders;

namespace Berth.Jobs.Definitions;

/// <summary>Recognizes what must be filled before an operation starts: placeholders in texts, and the collection markers (job-language.md 1.12, 1.13).</summary>
internal static class Marker
{
    public const string Spread = "__spread__";
    public const string Pairs = "__pairs__";
    public const string Chunked = "chunked";
    public const string RemoveIfEmpty = "__remove-if-empty__";

    public static bool HasPlaceholder(string text) => PlaceholderScanner.Scan(text, isKnown: null).Any();

    public static bool IsMarkerName(string name) => name is Spread or Pairs;

    /// <summary>Whether the element of a list stands for others or for nothing.</summary>
    public static bool IsMarker(DocumentNode element) => element switch
    {
        ObjectNode marker => marker[Spread] is not null,
        TextNode { Value: RemoveIfEmpty } => true,
        _ => false,
    };

    /// <summary>Whether the object is nothing but a spread: as an item it stands for the items of a list.</summary>
    public static bool IsSpread(ObjectNode map) => map[Spread] is not null && map.Members.All(member => member.Name is Spread or Chunked);

    public static bool IsChunked(ObjectNode map) => map[Spread] is not null && map[Chunked] is BooleanNode { Value: true };

    /// <summary>Whether a placeholder or marker stands anywhere in the value.</summary>
    public static bool StandsIn(DocumentNode node) => node switch
    {
        TextNode { Value: var text } => text == RemoveIfEmpty || HasPlaceholder(text),
        ListNode { Items: var items } => items.Any(StandsIn),
        ObjectNode { Members: var members } => members.Any(member => IsMarkerName(member.Name) || StandsIn(member.Value)),
        _ => false,
    };
}
