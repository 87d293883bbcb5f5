using Berth.Node.Resources;
using Xunit;

namespace Berth.Tests.Node.Resources;

/// <summary>The many ways to name a bucket.</summary>
public sealed class S3LocationTests
{
    [Theory]
    [InlineData("s3://bucket/a/b", null, "https://bucket.s3.us-east-1.amazonaws.com/", "a/b")]
    [InlineData("s3://bucket", "eu-west-1", "https://bucket.s3.eu-west-1.amazonaws.com/", "")]
    [InlineData("s3://dotted.bucket/a", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/dotted.bucket/", "a")]
    [InlineData("s3://nos-ai-models-qllsn32u/hugging-face/llama2", null, "https://models.nosana.io/", "hugging-face/llama2")]
    [InlineData("https://bucket.s3.eu-central-1.amazonaws.com/a%20b/c", null, "https://bucket.s3.eu-central-1.amazonaws.com/", "a b/c")]
    [InlineData("https://bucket.s3.amazonaws.com/a", null, "https://bucket.s3.amazonaws.com/", "a")]
    [InlineData("https://s3.eu-central-1.amazonaws.com/bucket/a", null, "https://s3.eu-central-1.amazonaws.com/bucket/", "a")]
    [InlineData("https://storage.googleapis.com/bucket/a", null, "https://storage.googleapis.com/bucket/", "a")]
    [InlineData("https://0123abcd.r2.cloudflarestorage.com/bucket", "auto", "https://0123abcd.r2.cloudflarestorage.com/bucket/", "")]
    [InlineData("http://minio.example:9000/bucket/a", null, "http://minio.example:9000/bucket/", "a")]
    [InlineData("http://127.0.0.1:9000", null, "http://127.0.0.1:9000/", "")]
    public void An_address_is_a_bucket_and_a_key(string url, string? region, string bucket, string prefix)
    {
        var location = S3Location.Of(url, region)[0];

        Assert.Equal((bucket, prefix), (location.Bucket.AbsoluteUri, location.Prefix));
    }

    [Theory]
    [InlineData("bucket", null, "https://bucket.s3.us-east-1.amazonaws.com/", "")]
    [InlineData("bucket/a", null, "https://bucket.s3.us-east-1.amazonaws.com/", "a")]
    [InlineData("s3://bucket/a", "http://minio.example:9000", "http://minio.example:9000/bucket/", "a")]
    [InlineData("bucket", "http://minio.example:9000/bucket/a", "http://minio.example:9000/bucket/", "a")]
    [InlineData("bucket", "http://minio.example:9000/a/b", "http://minio.example:9000/bucket/", "a/b")]
    [InlineData("bucket", "https://bucket.s3.eu-west-1.amazonaws.com", "https://bucket.s3.eu-west-1.amazonaws.com/", "")]
    [InlineData("https://minio.example/bucket/a", null, "https://minio.example/bucket/", "a")]
    public void A_bucket_may_have_a_server_of_its_own(string name, string? endpoint, string bucket, string prefix)
    {
        var location = S3Location.OfBucket(name, endpoint, region: null)[0];

        Assert.Equal((bucket, prefix), (location.Bucket.AbsoluteUri, location.Prefix));
    }

    [Theory]
    [InlineData("s3://")]
    [InlineData("s3:///key")]
    [InlineData("https://s3.eu-central-1.amazonaws.com/")]
    public void An_address_without_a_bucket_is_none(string url)
    {
        Assert.Empty(S3Location.Of(url, region: null));
        Assert.Empty(S3Location.OfBucket("", "https://storage.googleapis.com", region: null));
    }

    [Fact]
    public void A_server_nobody_knows_may_also_be_the_bucket_itself()
    {
        var locations = S3Location.Of("https://models.example/llama/7b", region: null);

        Assert.Equal([("https://models.example/llama/", "7b"), ("https://models.example/", "llama/7b")], locations.Select(location => (location.Bucket.AbsoluteUri, location.Prefix)));
    }

    [Fact]
    public void A_bucket_in_another_region_is_found_there()
    {
        var location = S3Location.Of("s3://bucket/a", region: null)[0].In("ap-south-1");

        Assert.Equal(("https://bucket.s3.ap-south-1.amazonaws.com/", "ap-south-1"), (location.Bucket.AbsoluteUri, location.Region));
    }

    [Fact]
    public void Odd_letters_of_a_key_are_encoded_as_S3_signs_them()
    {
        var location = S3Location.Of("http://minio.example/bucket", region: null)[0];

        Assert.Equal("http://minio.example/bucket/a%20b/c%28%2B%29%2A~%C3%A9", location.AddressOf("a b/c(+)*~é").AbsoluteUri);
    }
}
