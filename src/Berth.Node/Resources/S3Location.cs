using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Berth.Node.Resources;

/// <summary>Where objects are: the address of a bucket, which ends with a slash for the keys to come after, and what their keys begin with.</summary>
internal sealed partial record S3Location(Uri Bucket, string Prefix, string? Region)
{
    // What the network's own documents call it, and where it is.
    private const string NosanaModels = "nos-ai-models-qllsn32u";
    private const string NosanaModelsAddress = "https://models.nosana.io/";

    private const string DefaultRegion = "us-east-1";

    /// <summary>
    /// What an address may mean, the likelier first: of a server nobody knows, the first part of the path may be a bucket's name, or all of it a key
    /// in a bucket that the server's name stands for.
    /// </summary>
    public static ImmutableArray<S3Location> Of(string url, string? region)
    {
        if (url.StartsWith("s3://", StringComparison.OrdinalIgnoreCase))
        {
            var (bucket, key) = Split(url["s3://".Length..]);
            return bucket.Length == 0 ? [] : bucket == NosanaModels ? [new(new Uri(NosanaModelsAddress), key, region)] : [OnAmazon(bucket, key, region ?? DefaultRegion)];
        }

        var address = HttpSource.AddressOf(url);
        var path = Uri.UnescapeDataString(address.AbsolutePath.TrimStart('/'));
        var server = new Uri(address.GetLeftPart(UriPartial.Authority) + "/");
        if (BucketHost.Match(address.IdnHost) is { Success: true } named)
        {
            return [new(server, path, RegionOf(named) ?? region)];
        }

        var (first, rest) = Split(path);
        var inPath = first.Length == 0 ? null : new S3Location(new Uri(server, SignatureV4.Encoded(first, isPath: false) + "/"), rest, region);
        if (ServiceHost.Match(address.IdnHost) is { Success: true } service)
        {
            return inPath is null ? [] : [inPath with { Region = RegionOf(service) ?? region }];
        }

        var whole = new S3Location(server, path, region);
        return inPath is null ? [whole] : [inPath, whole];
    }

    /// <summary>A bucket by its name, on the server that is named or on Amazon's. The name may be an address itself, or go on with the beginning of keys.</summary>
    public static ImmutableArray<S3Location> OfBucket(string bucket, string? endpoint, string? region)
    {
        var name = bucket.StartsWith("s3://", StringComparison.OrdinalIgnoreCase) ? bucket["s3://".Length..] : bucket;
        if (name.Contains("://", StringComparison.Ordinal))
        {
            return Of(name, region);
        }

        if (endpoint is null)
        {
            return Of("s3://" + name, region);
        }

        // An endpoint may itself stand for the bucket, or end with its name.
        var (first, key) = Split(name);
        var address = HttpSource.AddressOf(endpoint);
        var at = Uri.UnescapeDataString(address.AbsolutePath.Trim('/'));
        var server = address.GetLeftPart(UriPartial.Authority);
        return BucketHost.IsMatch(address.IdnHost) ? Of($"{server}/{Joined(at, key)}", region)
            : at == first || at.StartsWith(first + "/", StringComparison.Ordinal) ? [.. Of($"{server}/{Joined(SignatureV4.Encoded(at, isPath: true), SignatureV4.Encoded(key, isPath: true))}", region).Take(1)]
            : [.. Of($"{server}/{Joined(SignatureV4.Encoded(first, isPath: false), SignatureV4.Encoded(Joined(at, key), isPath: true))}", region).Take(1)];
    }

    /// <summary>The same in another region of Amazon's.</summary>
    public S3Location In(string region) => new(
        new Uri(AmazonRegion.Replace(Bucket.AbsoluteUri, $".s3.{region}.amazonaws.com")),
        Prefix,
        region);

    public Uri AddressOf(string key) => new(Bucket.AbsoluteUri + SignatureV4.Encoded(key, isPath: true));

    public string KeyOf(string file) => Joined(Prefix.TrimEnd('/'), file.TrimStart('/'));

    private static S3Location OnAmazon(string bucket, string key, string region) => DnsLabel.IsMatch(bucket)
        ? new(new Uri($"https://{bucket}.s3.{region}.amazonaws.com/"), key, region)
        : new(new Uri($"https://s3.{region}.amazonaws.com/{SignatureV4.Encoded(bucket, isPath: false)}/"), key, region);

    private static (string First, string After) Split(string path)
    {
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? (path, "") : (path[..slash], path[(slash + 1)..]);
    }

    private static string Joined(string one, string other) => (one.Length, other.Length) switch
    {
        (0, _) => other,
        (_, 0) => one,
        _ => $"{one}/{other}",
    };

    private static string? RegionOf(Match host) => host.Groups["region"] is { Success: true, Value: var region } ? region : null;

    [GeneratedRegex(@"^.+\.s3(?:[.-](?:dualstack\.)?(?<region>[a-z0-9-]+))?\.amazonaws\.com(?:\.cn)?$", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase)]
    private static partial Regex BucketHost { get; }

    [GeneratedRegex(@"^(?:s3(?:[.-](?:dualstack\.)?(?<region>[a-z0-9-]+))?\.amazonaws\.com(?:\.cn)?|storage\.googleapis\.com|[a-z0-9]+\.r2\.cloudflarestorage\.com)$", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase)]
    private static partial Regex ServiceHost { get; }

    [GeneratedRegex(@"\.s3(\.[a-z0-9-]+)?\.amazonaws\.com")]
    private static partial Regex AmazonRegion { get; }

    // A dot in it would not match the certificate of the bucket's host.
    [GeneratedRegex(@"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\z")]
    private static partial Regex DnsLabel { get; }
}
