using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Berth.Jobs.Definitions;

namespace Berth.Node.Resources;

/// <summary>
/// A model of an Ollama registry, which speaks the registry protocol of container images. It is laid out as Ollama keeps its own: the manifest under its name, what it lists under
/// their digests.
/// </summary>
internal sealed partial class OllamaSource(Uri library, ResourceHttp http, Downloader downloader, int mostFiles)
{
    private const string LibraryHost = "registry.ollama.ai";
    private const string ManifestType = "application/vnd.docker.distribution.manifest.v2+json";
    private const int LargestManifest = 4 << 20;

    public async Task<ResourceListing> ListAsync(Resource resource, CancellationToken ct)
    {
        if (ModelName.Match(resource.Model ?? "") is not { Success: true } name)
        {
            throw new ResourceException(ResourceFault.Unusable, $"'{resource.Model}' is no model's name; write one such as tinyllama, llama3:8b or owner/model:tag.");
        }

        var host = name.Groups["host"] is { Success: true, Value: var other } ? other : LibraryHost;
        var server = host == LibraryHost ? library : new Uri($"https://{host}/");
        var owner = name.Groups["owner"] is { Success: true, Value: var named } ? named : "library";
        var model = name.Groups["model"].Value;
        var tag = name.Groups["tag"] is { Success: true, Value: var wanted } ? wanted : "latest";
        var manifest = await http.GetAsync(new RemoteRequest(new Uri(server, $"v2/{owner}/{model}/manifests/{tag}")) { Accept = ManifestType }, LargestManifest, ct);
        var blobs = BlobsOf(manifest, digest => new Uri(server, $"v2/{owner}/{model}/blobs/{digest}"), resource.Model!);
        var listing = ResourceListing.Of(blobs, downloader);
        return listing with
        {
            Version = Convert.ToHexStringLower(SHA256.HashData(manifest)),
            Bytes = listing.Bytes + manifest.Length,
            Files = listing.Files + 1,
            FetchAsync = async (folder, open, meter, token) =>
            {
                await listing.FetchAsync(folder, open, meter, token);
                var path = ResourcePath.Inside(folder, $"manifests/{host.Replace(':', '_')}/{owner}/{model}/{tag}");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await File.WriteAllBytesAsync(path, manifest, token);
                meter.Arrived(manifest.Length);
                meter.FileIsWhole();
            },
        };
    }

    private ImmutableArray<RemoteFile> BlobsOf(byte[] manifest, Func<string, Uri> addressOf, string model)
    {
        try
        {
            using var document = JsonDocument.Parse(manifest);
            var root = document.RootElement;
            RemoteFile[] blobs = [.. root.GetProperty("layers").EnumerateArray().Append(root.GetProperty("config")).Select(blob => BlobOf(blob, addressOf)).DistinctBy(blob => blob.Path)];
            return blobs.Length <= mostFiles ? [.. blobs] : throw new ResourceException(ResourceFault.TooMuch, $"The model {model} has more than {mostFiles} files.");
        }
        catch (Exception odd) when (odd is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new ResourceException(ResourceFault.Unusable, $"What the registry says of the model {model} is no manifest.", odd);
        }
    }

    private static RemoteFile BlobOf(JsonElement blob, Func<string, Uri> addressOf)
    {
        var digest = blob.GetProperty("digest").GetString() is { } text && Digest.IsMatch(text) ? text : throw new FormatException("A blob has no SHA-256 digest.");
        return new RemoteFile($"blobs/{digest.Replace(':', '-')}", addressOf(digest))
        {
            Size = blob.GetProperty("size").GetInt64(),
            Digest = FileDigest.Sha256(digest["sha256:".Length..]),
            HasRanges = true,
        };
    }

    [GeneratedRegex(@"^(?:(?<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|localhost(?::\d+)?)/)?(?:(?<owner>[A-Za-z0-9][\w.-]*)/)?(?<model>[A-Za-z0-9][\w.-]*)(?::(?<tag>[A-Za-z0-9][\w.-]*))?\z", RegexOptions.ExplicitCapture)]
    private static partial Regex ModelName { get; }

    [GeneratedRegex(@"^sha256:[0-9a-f]{64}\z")]
    private static partial Regex Digest { get; }
}
