using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Berth.Jobs.Definitions;

namespace Berth.Node.Resources;

/// <summary>Objects of S3 buckets, Amazon's or anybody's, and of servers that give the same files without being asked in S3's way.</summary>
internal sealed class S3Source(ResourceHttp http, Downloader downloader, int mostFiles)
{
    private const int LargestPage = 32 << 20;
    private const string DefaultRegion = "us-east-1";

    public async Task<ResourceListing> ListAsync(Resource resource, CancellationToken ct)
    {
        if (resource is { Bucket: null, Buckets: [], Url: { } url } && url.Contains('?'))
        {
            // An address with a signature in it stands for one object and for nothing else.
            return await new HttpSource(http, downloader).ListAsync(resource, ct);
        }

        var found = new Dictionary<string, RemoteFile>(StringComparer.Ordinal);
        foreach (var (locations, files) in PlacesOf(resource))
        {
            if (locations.IsEmpty)
            {
                throw new ResourceException(ResourceFault.Unusable, "An S3 address of it names no bucket; write s3://bucket/path, or the https address of a bucket.");
            }

            foreach (var file in await ListAsync(locations, files, resource, ct))
            {
                if (!found.TryAdd(file.Path, file))
                {
                    throw new ResourceException(ResourceFault.Unusable, $"Two of the places of {ResourceName.Of(resource)} have a file named {file.Path}.");
                }
            }
        }

        return ResourceListing.Of([.. found.Values], downloader);
    }

    /// <summary>Where each part of the resource is, and which of its files are wanted; none named means all.</summary>
    public static ImmutableArray<(ImmutableArray<S3Location> Locations, ImmutableArray<string> Files)> PlacesOf(Resource resource)
    {
        var region = resource.Credentials?.Region is { Length: > 0 } named ? named : null;
        return resource switch
        {
            { Buckets: [_, ..] buckets } => [.. buckets.Select(bucket => (S3Location.Of(bucket.Url, region), bucket.Files))],
            { Bucket: { } bucket } => [(S3Location.OfBucket(bucket, resource.Url, region), resource.Files)],
            _ => [(S3Location.Of(resource.Url ?? "", region), resource.Files)],
        };
    }

    public Action<HttpRequestMessage>? AuthoriseFor(S3Location location, Resource resource) =>
        resource.Credentials is { } keys ? new SignatureV4(keys, location.Region ?? DefaultRegion, http.Time).Sign : null;

    private async Task<IEnumerable<RemoteFile>> ListAsync(ImmutableArray<S3Location> locations, ImmutableArray<string> files, Resource resource, CancellationToken ct)
    {
        var patterns = files.Select(file => new NamePattern(file)).ToArray();
        return patterns.Length > 0 && patterns.All(pattern => pattern.IsName)
            ? await ProbeAsync(locations, patterns, resource, ct)
            : await ListAllAsync(locations, patterns, resource, ct);
    }

    // Named files are asked for one by one: who may read an object may often not list its bucket.
    private async Task<IEnumerable<RemoteFile>> ProbeAsync(ImmutableArray<S3Location> locations, NamePattern[] names, Resource resource, CancellationToken ct)
    {
        var found = new ConcurrentBag<RemoteFile>();
        await Parallel.ForEachAsync(names.DistinctBy(name => name.Text), new ParallelOptions { MaxDegreeOfParallelism = http.Pace.Lanes, CancellationToken = ct }, async (name, token) =>
            found.Add(await InRightRegionAsync(locations[0], location => ProbeAsync(location, location.KeyOf(name.Text), name.Text, resource, token))));
        return found;
    }

    private async Task<RemoteFile> ProbeAsync(S3Location location, string key, string path, Resource resource, CancellationToken ct)
    {
        var file = new RemoteFile(path, location.AddressOf(key)) { Authorise = AuthoriseFor(location, resource) };
        var probed = await new HttpSource(http, downloader).ProbeAsync(file, ct);
        return resource.Credentials is null ? probed : Checked(probed);
    }

    private async Task<IEnumerable<RemoteFile>> ListAllAsync(ImmutableArray<S3Location> locations, NamePattern[] patterns, Resource resource, CancellationToken ct)
    {
        ResourceException? refusal = null;
        foreach (var possible in locations)
        {
            try
            {
                if (await InRightRegionAsync(possible, location => ListAsync(location, patterns, resource, ct)) is [_, ..] found)
                {
                    return found;
                }
            }
            catch (ResourceException other) when (other.Fault is ResourceFault.Missing or ResourceFault.Denied or ResourceFault.Unusable)
            {
                refusal = refusal?.Fault == ResourceFault.Denied ? refusal : other;
            }
        }

        var last = locations[^1];
        if (patterns.Length == 0 && last.Prefix.Length > 0 && !last.Prefix.EndsWith('/'))
        {
            try
            {
                return [await ProbeAsync(last, last.Prefix, LastPart(last.Prefix), resource, ct)];
            }
            catch (ResourceException other) when (other.Fault is ResourceFault.Missing && refusal?.Fault is ResourceFault.Denied)
            {
                throw refusal;
            }
        }

        throw refusal ?? new ResourceException(ResourceFault.Missing, $"There is nothing at {ResourceHttp.Shown(last.AddressOf(last.Prefix))}{(patterns.Length > 0 ? $" that fits {string.Join(", ", patterns.Select(pattern => pattern.Text))}" : "")}.");
    }

    // What is named is a file, or else a folder.
    private async Task<List<RemoteFile>> ListAsync(S3Location location, NamePattern[] patterns, Resource resource, CancellationToken ct)
    {
        var folder = location.Prefix.Length == 0 || location.Prefix.EndsWith('/') ? location.Prefix : location.Prefix + "/";
        var found = new List<RemoteFile>();
        for (var next = ""; ;)
        {
            var page = await PageAsync(location, next, resource, ct);
            foreach (var one in page.Objects)
            {
                if (one.Key == location.Prefix && patterns.Length == 0 && !one.Key.EndsWith('/'))
                {
                    return [FileOf(one, LastPart(one.Key), location, resource)];
                }

                var path = one.Key.StartsWith(folder, StringComparison.Ordinal) ? one.Key[folder.Length..] : "";
                if (path.Length > 0 && !path.EndsWith('/') && (patterns.Length == 0 || patterns.Any(pattern => pattern.Matches(path))))
                {
                    found.Add(FileOf(one, path, location, resource));
                }
            }

            if (found.Count > mostFiles)
            {
                throw new ResourceException(ResourceFault.TooMuch, $"There are more than {mostFiles} files at {ResourceHttp.Shown(location.AddressOf(location.Prefix))}, which is the most that this host fetches.");
            }

            if (page.Next is null)
            {
                return found;
            }

            next = page.Next;
        }
    }

    private async Task<S3Page> PageAsync(S3Location location, string next, Resource resource, CancellationToken ct)
    {
        var query = new StringBuilder("?encoding-type=url&list-type=2");
        if (next.Length > 0)
        {
            query.Append("&continuation-token=").Append(SignatureV4.Encoded(next, isPath: false));
        }

        query.Append("&prefix=").Append(SignatureV4.Encoded(location.Prefix, isPath: false));
        var address = new Uri(location.Bucket.AbsoluteUri.TrimEnd('/') + (location.Bucket.AbsolutePath == "/" ? "/" : "") + query);
        var answer = await http.GetAsync(new RemoteRequest(address) { Authorise = AuthoriseFor(location, resource) }, LargestPage, ct);
        return S3Page.Read(answer) ?? throw new ResourceException(ResourceFault.Unusable, $"{ResourceHttp.Shown(address)} does not list its files.");
    }

    private RemoteFile FileOf(S3Object one, string path, S3Location location, Resource resource) => Checked(new RemoteFile(path, location.AddressOf(one.Key))
    {
        Size = one.Size,
        ETag = one.ETag is { } tag ? $"\"{tag.Trim('"')}\"" : null,
        Modified = one.Modified,
        HasRanges = true,
        Authorise = AuthoriseFor(location, resource),
    });

    // An object that was put at once has the MD5 digest of its content for a tag; one that came in parts has another with a dash in it.
    private static RemoteFile Checked(RemoteFile file) => file.ETag?.Trim('"') is { Length: 32 } tag && tag.All(char.IsAsciiHexDigitLower)
        ? file with { Digest = new FileDigest(DigestKind.Md5, tag) }
        : file;

    private static async Task<T> InRightRegionAsync<T>(S3Location location, Func<S3Location, Task<T>> ask)
    {
        try
        {
            return await ask(location);
        }
        catch (ResourceException elsewhere) when (elsewhere.BucketRegion is { } region && region != location.Region)
        {
            return await ask(location.In(region));
        }
    }

    private static string LastPart(string key) => key.Split('/')[^1];
}
