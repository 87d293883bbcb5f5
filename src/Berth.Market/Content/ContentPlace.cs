using Amazon.Runtime;
using Amazon.S3;
using Berth.Market.Storage;

namespace Berth.Market.Content;

/// <summary>What an operator says of the content store: where it is, and what an S3 service must be told.</summary>
public sealed record ContentPlace
{
    private const string S3 = "s3://";
    private const string Ipfs = "ipfs+http";

    /// <summary>A folder, <c>s3://bucket/prefix</c>, or <c>ipfs+http://host:port</c>.</summary>
    public required string Place { get; init; }

    /// <summary>The S3 service's address; Amazon's when null.</summary>
    public string? Endpoint { get; init; }

    /// <summary>The S3 service's region.</summary>
    public string Region { get; init; } = "us-east-1";

    /// <summary>The S3 access key; when null, whatever credentials the SDK finds on the machine.</summary>
    public string? AccessKey { get; init; }

    public string? SecretKey { get; init; }

    /// <summary>What is wrong with it, as a sentence; null when nothing is.</summary>
    public string? Fault => Place switch
    {
        _ when IsS3 && Bucket.Length == 0 => $"'{Place}' names no bucket; write s3://bucket or s3://bucket/prefix.",
        _ when IsS3 && Endpoint is not null && !Uri.TryCreate(Endpoint, UriKind.Absolute, out _) => $"'{Endpoint}' is no address of an S3 service.",
        _ when IsS3 && AccessKey is null != SecretKey is null => "An S3 access key comes with its secret key.",
        _ when IsIpfs && !Uri.TryCreate(Place["ipfs+".Length..], UriKind.Absolute, out _) => $"'{Place}' is no address of an IPFS node; write ipfs+http://host:port.",
        _ when !IsS3 && !IsIpfs && Place.Contains("://", StringComparison.Ordinal) => $"'{Place}' is no content store: a folder, s3://bucket/prefix or ipfs+http://host:port.",
        _ => null,
    };

    private bool IsS3 => Place.StartsWith(S3, StringComparison.OrdinalIgnoreCase);

    private bool IsIpfs => Place.StartsWith(Ipfs, StringComparison.OrdinalIgnoreCase);

    private string Bucket => Place[S3.Length..].Split('/')[0];

    private string Prefix => Place[S3.Length..][Bucket.Length..].Trim('/') is { Length: > 0 } prefix ? prefix + "/" : "";

    /// <summary>Opens the store; nothing is asked of it yet.</summary>
    /// <exception cref="StorageException">There can be none.</exception>
    internal ContentStore Open(TimeProvider time) => this switch
    {
        { Fault: { } fault } => throw new StorageException(fault),
        { IsS3: true } => new S3Content(Client(), Bucket, Prefix, time),
        { IsIpfs: true } => new IpfsContent(
            new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(10) }) { BaseAddress = new Uri(Place["ipfs+".Length..].TrimEnd('/') + "/"), Timeout = TimeSpan.FromHours(1) }, time),
        _ => new FolderContent(Place, time),
    };

    private AmazonS3Client Client()
    {
        // Checksum trailers are Amazon's own; other services refuse them.
        var configuration = new AmazonS3Config
        {
            ForcePathStyle = true,
            AuthenticationRegion = Region,
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            MaxErrorRetry = 2,
        };
        if (Endpoint is { } endpoint)
        {
            configuration.ServiceURL = endpoint;
        }
        else
        {
            configuration.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(Region);
        }

        return AccessKey is { } key ? new AmazonS3Client(new BasicAWSCredentials(key, SecretKey), configuration) : new AmazonS3Client(configuration);
    }
}
