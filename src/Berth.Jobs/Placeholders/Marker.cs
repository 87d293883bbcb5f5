using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>The member names that widen the collection they stand in (job-language.md 1.13).</summary>
internal static class Marker
{
    public const string Spread = "__spread__";

    public const string Pairs = "__pairs__";

    public const string Chunked = "chunked";

    public static bool IsChunked(ObjectNode map) => map[Spread] is not null && map[Chunked] is BooleanNode { Value: true };

    /// <summary>Whether the object is nothing but a spread: as an item it stands for the items of a list.</summary>
    public static bool IsSpread(ObjectNode map) => map[Spread] is not null && map.Members.All(member => member.Name is Spread or Chunked);
}
