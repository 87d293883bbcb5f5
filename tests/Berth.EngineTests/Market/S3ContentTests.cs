using Amazon.Runtime;
using Amazon.S3;
using Berth.Market.Content;
using Berth.Market.Storage;
using Berth.Testing.Content;
using Xunit;

namespace Berth.EngineTests.Market;

/// <summary>The real S3 service that Debian has: Ceph's gateway.</summary>
public sealed class S3ContentTests(S3Service service) : ContentStoreTests, IClassFixture<S3Service>
{
    protected override Task<ContentPlace> PlaceAsync() => service.NewPlaceAsync();

    [Fact]
    public async Task A_wrong_key_and_a_bucket_that_is_not_there_are_said()
    {
        var place = await service.NewPlaceAsync();

        var wrong = await FailureAsync(place with { SecretKey = "wrong" });
        var missing = await FailureAsync(place with { Place = "s3://nowhere/" });
        var away = await FailureAsync(place with { Endpoint = "http://127.0.0.1:1" });

        Assert.All([wrong, missing, away], fault => Assert.Contains("cannot do it now", fault.Message, StringComparison.Ordinal));
    }

    private static async Task<StorageException> FailureAsync(ContentPlace place) => await Assert.ThrowsAsync<StorageException>(() => ContentStores.ProbeAsync(place));
}

/// <summary>One S3 service for the tests of a class; every test has a bucket of its own.</summary>
public sealed class S3Service : IAsyncLifetime
{
    private readonly string _folder = Lab.Folder($"s3-{Environment.ProcessId}");
    private IReadOnlyDictionary<string, string> _facts = null!;

    public async ValueTask InitializeAsync() => _facts = await Lab.RunAsync("lab/s3", ["up", _folder, "5190"]);

    public async ValueTask DisposeAsync() => await Lab.RunAsync("lab/s3", ["down", _folder]);

    public async Task<ContentPlace> NewPlaceAsync()
    {
        var bucket = $"b{Guid.NewGuid():N}";
        using var client = new AmazonS3Client(
            new BasicAWSCredentials(_facts["access"], _facts["secret"]), new AmazonS3Config { ServiceURL = _facts["address"], ForcePathStyle = true, AuthenticationRegion = "us-east-1" });
        await client.PutBucketAsync(bucket);
        return new ContentPlace { Place = $"s3://{bucket}/market/one", Endpoint = _facts["address"], AccessKey = _facts["access"], SecretKey = _facts["secret"] };
    }
}
