using System.Net;
using Berth.Jobs.Definitions;

namespace Berth.Node.Resources;

/// <summary>Files at addresses of their own.</summary>
internal sealed class HttpSource(ResourceHttp http, Downloader downloader)
{
    public async Task<ResourceListing> ListAsync(Resource resource, CancellationToken ct)
    {
        var address = AddressOf(resource.Url ?? "");
        var asked = new RemoteFile(resource.FileName ?? NameOf(address), address)
        {
            Size = resource.Size,
            Digest = resource.Sha256 is { } sha ? FileDigest.Sha256(sha) : null,
        };
        var found = await ProbeAsync(asked, ct);
        return resource.Size is { } size && found.Size is { } length && length != size
            ? throw new ResourceException(ResourceFault.Mismatch, $"{ResourceHttp.Shown(address)} has {length} bytes, not the {size} it should have.")
            : ResourceListing.Of([found], downloader);
    }

    /// <summary>Asks for the first byte: unlike a question for the headers alone, a signed address answers that too, and it tells whether parts can be had.</summary>
    public Task<RemoteFile> ProbeAsync(RemoteFile file, CancellationToken ct) => http.AgainAsync(
        async () =>
        {
            using var response = await http.SendAsync(new RemoteRequest(file.Address) { From = 0, To = 0, Authorise = file.Authorise }, ct);
            var headers = response.Content.Headers;
            var size = response.StatusCode == HttpStatusCode.OK ? headers.ContentLength : headers.ContentRange?.Length;
            return file with
            {
                Size = size ?? file.Size,
                ETag = response.Headers.ETag?.ToString(),
                Modified = headers.LastModified,
                HasRanges = response.StatusCode == HttpStatusCode.PartialContent && headers.ContentRange?.Length is not null,
            };
        },
        ct);

    public static Uri AddressOf(string url) => Uri.TryCreate(url, UriKind.Absolute, out var address) && address is { Scheme: "http" or "https", Host.Length: > 0 }
        ? address
        : throw new ResourceException(ResourceFault.Unusable, "The resource's address is no https:// or http:// address.");

    public static string NameOf(Uri address) => Uri.UnescapeDataString(address.AbsolutePath.TrimEnd('/').Split('/')[^1]) is { Length: > 0 } name && name is not ("." or "..") && !name.AsSpan().ContainsAny('/', '\0')
        ? name
        : "file";
}
