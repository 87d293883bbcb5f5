using System.Collections.Immutable;
using System.Text.Json;
using System.Text.RegularExpressions;
using Berth.Jobs.Definitions;

namespace Berth.Node.Resources;

/// <summary>
/// A repository of the Hugging Face hub, or of a mirror that speaks as it does: the revision is pinned to its commit first, and every file is checked against the digest that
/// the commit gives it (SHA-256 for large ones, git's own for the others).
/// </summary>
internal sealed partial class HuggingFaceSource(Uri hub, ResourceHttp http, Downloader downloader, int mostFiles)
{
    private const int LargestAnswer = 64 << 20;

    /// <summary>Whether the revision is a commit, which is the same for ever.</summary>
    public static bool IsCommit(string? revision) => revision is not null && Commit.IsMatch(revision);

    public async Task<ResourceListing> ListAsync(Resource resource, CancellationToken ct)
    {
        var place = PlaceOf(resource);
        var authorise = Authorise(resource.AccessToken);
        var commit = IsCommit(place.Revision) ? place.Revision : await PinAsync(place, authorise, ct);
        var patterns = resource.Files.Select(file => new NamePattern(file)).ToArray();
        var files = ImmutableArray.CreateBuilder<RemoteFile>();
        for (var next = new Uri(place.Api, $"tree/{commit}?recursive=true&expand=false"); next is not null;)
        {
            using var response = await http.AgainAsync(() => http.SendAsync(new RemoteRequest(next) { Authorise = authorise }, ct), ct);
            Read(await http.ReadAsync(response, next, LargestAnswer, ct), place, commit, patterns, authorise, files);
            next = NextOf(response, next);
        }

        if (files.FirstOrDefault() is null || patterns.FirstOrDefault(pattern => !files.Any(file => pattern.Matches(file.Path))) is { } unmatched && unmatched.IsName)
        {
            throw new ResourceException(ResourceFault.Missing, $"The repository {place.Name} has at {place.Revision} no {(patterns.Length == 0 ? "files" : $"file {patterns.First(pattern => !files.Any(file => pattern.Matches(file.Path))).Text}")}.");
        }

        return ResourceListing.Of(files.ToImmutable(), downloader);
    }

    private async Task<string> PinAsync(Place place, Action<HttpRequestMessage>? authorise, CancellationToken ct)
    {
        var address = new Uri(place.Api, $"revision/{Uri.EscapeDataString(place.Revision)}");
        var answer = await http.GetAsync(new RemoteRequest(address) { Authorise = authorise }, LargestAnswer, ct);
        using var facts = Parse(answer, address);
        return facts.RootElement.ValueKind == JsonValueKind.Object && facts.RootElement.TryGetProperty("sha", out var sha) && IsCommit(sha.GetString())
            ? sha.GetString()!
            : throw new ResourceException(ResourceFault.Unusable, $"{ResourceHttp.Shown(address)} does not say which commit {place.Revision} is.");
    }

    private void Read(byte[] answer, Place place, string commit, NamePattern[] patterns, Action<HttpRequestMessage>? authorise, ImmutableArray<RemoteFile>.Builder files)
    {
        using var tree = Parse(answer, place.Api);
        foreach (var entry in tree.RootElement.ValueKind == JsonValueKind.Array ? tree.RootElement.EnumerateArray() : default)
        {
            var path = TextOf(entry, "path");
            if (TextOf(entry, "type") != "file" || path is null || (patterns.Length > 0 && !patterns.Any(pattern => pattern.Matches(path))))
            {
                continue;
            }

            if (files.Count == mostFiles)
            {
                throw new ResourceException(ResourceFault.TooMuch, $"The repository {place.Name} has more than {mostFiles} files, which is the most that this host fetches.");
            }

            files.Add(new RemoteFile(path, new Uri(place.Files, $"resolve/{commit}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}"))
            {
                Size = entry.TryGetProperty("size", out var size) && size.TryGetInt64(out var bytes) ? bytes : null,
                Digest = entry.TryGetProperty("lfs", out var lfs) && lfs.ValueKind == JsonValueKind.Object && TextOf(lfs, "oid") is { } sha ? FileDigest.Sha256(sha.Replace("sha256:", "", StringComparison.Ordinal))
                    : TextOf(entry, "oid") is { } oid ? new FileDigest(DigestKind.GitBlob, oid)
                    : null,
                HasRanges = true,
                Authorise = authorise,
            });
        }
    }

    private static string? TextOf(JsonElement entry, string name) =>
        entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;

    private static JsonDocument Parse(byte[] answer, Uri address)
    {
        try
        {
            return JsonDocument.Parse(answer);
        }
        catch (JsonException fault)
        {
            throw new ResourceException(ResourceFault.Unusable, $"{ResourceHttp.Shown(address)} does not answer as a Hugging Face hub does.", fault);
        }
    }

    // A page that comes next is on the same server, or it is none of ours to send a token to.
    private static Uri? NextOf(HttpResponseMessage response, Uri address) =>
        response.Headers.TryGetValues("Link", out var links) && NextLink.Match(string.Join(", ", links)) is { Success: true } next && Uri.TryCreate(address, next.Groups[1].Value, out var page)
            && page.Authority == address.Authority
            ? page
            : null;

    private static Action<HttpRequestMessage>? Authorise(string? token) =>
        token is { Length: > 0 } ? message => message.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}") : null;

    private Place PlaceOf(Resource resource)
    {
        var (server, name, revision) = (hub, resource.Repo ?? resource.Url ?? "", resource.Revision is { Length: > 0 } asked ? asked : "main");
        if (Uri.TryCreate(name, UriKind.Absolute, out var address) && address.Scheme is "http" or "https")
        {
            server = address.IdnHost is "huggingface.co" or "hf.co" ? hub : new Uri(address.GetLeftPart(UriPartial.Authority));
            name = Uri.UnescapeDataString(address.AbsolutePath);
        }

        if (RepositoryPath.Match(name.Trim('/')) is not { Success: true } found)
        {
            throw new ResourceException(ResourceFault.Unusable, "The resource names no repository such as owner/name.");
        }

        var kind = found.Groups["kind"] is { Success: true, Value: var word } ? word : "models";
        var repository = found.Groups["name"].Value;
        return new Place(
            repository,
            found.Groups["revision"] is { Success: true, Value: var inPath } && resource.Revision is null ? inPath : revision,
            new Uri(server, $"/api/{kind}/{repository}/"),
            new Uri(server, kind == "models" ? $"/{repository}/" : $"/{kind}/{repository}/"));
    }

    [GeneratedRegex(@"^[0-9a-f]{40}\z")]
    private static partial Regex Commit { get; }

    [GeneratedRegex(@"<([^>]+)>;\s*rel=""next""")]
    private static partial Regex NextLink { get; }

    [GeneratedRegex(@"^(?:(?<kind>datasets|spaces)/)?(?<name>[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?)(?:/tree/(?<revision>[^/]+))?\z", RegexOptions.ExplicitCapture)]
    private static partial Regex RepositoryPath { get; }

    /// <summary>A repository on a hub: what is asked about it below the one address, and what is in it below the other.</summary>
    private sealed record Place(string Name, string Revision, Uri Api, Uri Files);
}
