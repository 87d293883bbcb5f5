using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Berth.Node.Resources;

/// <summary>What a resource consists of now, as its server tells.</summary>
/// <param name="Version">The same for as long as it is the same.</param>
/// <param name="Bytes">In all, where that is known.</param>
/// <param name="Files">In all, where that is known.</param>
/// <param name="FetchAsync">Puts all of it into the folder; the second folder is for what is under way, and both may have something from before.</param>
internal sealed record ResourceListing(string Version, long? Bytes, int? Files, Func<string, string, TransferMeter, CancellationToken, Task> FetchAsync)
{
    /// <summary>A resource that is so many files, each at an address of its own.</summary>
    public static ResourceListing Of(ImmutableArray<RemoteFile> files, Downloader downloader)
    {
        var ordered = files.OrderBy(file => file.Path, StringComparer.Ordinal).ToArray();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in ordered)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{file.Path}\0{file.Version}\n"));
        }

        return new(
            Convert.ToHexStringLower(hash.GetHashAndReset()),
            ordered.All(file => file.Size is not null) ? ordered.Sum(file => file.Size!.Value) : null,
            ordered.Length,
            (folder, open, meter, ct) => downloader.FetchAsync(ordered, folder, open, meter, ct));
    }
}
