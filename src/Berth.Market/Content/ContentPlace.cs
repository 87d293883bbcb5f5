using Berth.Market.Storage;

namespace Berth.Market.Content;

/// <summary>Opens the content store that an operator names.</summary>
internal static class ContentPlace
{
    /// <exception cref="StorageException">There can be no store by that name.</exception>
    public static ContentStore Open(string place, TimeProvider time) => new FolderContent(place, time);
}
