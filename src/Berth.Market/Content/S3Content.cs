using System.Net;
using System.Runtime.CompilerServices;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Berth.Market.Storage;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>
/// Contents in a bucket of an S3 service, each an object named by its id behind a prefix. What is large goes in parts, and the object comes to be only when all its bytes were seen to be
/// the content's. Between the look at a content's age and its removal lies a moment in which another server could put it again; contents are days old when they are removed.
/// </summary>
internal sealed class S3Content(IAmazonS3 client, string bucket, string prefix, TimeProvider time) : ContentStore
{
    private const int LargestAtOnce = 16 << 20;
    private const int MostParts = 9_000;
    private static readonly TimeSpan StaysYoung = TimeSpan.FromHours(1);

    public override string Name => $"the bucket {bucket}";

    public override async Task PutAsync(ContentId id, Stream bytes, long size, CancellationToken ct)
    {
        await using var hashed = new HashedStream(bytes, id, size);
        await AskAsync(async () =>
        {
            // What was put a moment ago need not be made young again.
            if (await FindAsync(id, ct) is { } there && there.Size == size && there.PutAt > time.GetUtcNow() - StaysYoung)
            {
                return true;
            }

            if (size <= LargestAtOnce)
            {
                await PutAtOnceAsync(id, hashed, (int)size, ct);
            }
            else
            {
                await PutInPartsAsync(id, hashed, size, ct);
            }

            return true;
        });
    }

    public override Task<Stream?> OpenAsync(ContentId id, long offset, CancellationToken ct) => AskAsync(async () =>
    {
        var request = new GetObjectRequest { BucketName = bucket, Key = KeyOf(id) };
        if (offset > 0)
        {
            request.ByteRange = new ByteRange(offset, long.MaxValue);
        }

        try
        {
            return (await client.GetObjectAsync(request, ct)).ResponseStream;
        }
        catch (AmazonS3Exception beyond) when (beyond.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return new MemoryStream();
        }
        catch (AmazonS3Exception missing) when (missing.StatusCode == HttpStatusCode.NotFound)
        {
            return (Stream?)null;
        }
    });

    public override Task<StoredContent?> FindAsync(ContentId id, CancellationToken ct) => AskAsync(async () =>
    {
        try
        {
            var found = await client.GetObjectMetadataAsync(bucket, KeyOf(id), ct);
            return new StoredContent(id, found.ContentLength, found.LastModified ?? DateTime.UnixEpoch);
        }
        catch (AmazonS3Exception missing) when (missing.StatusCode == HttpStatusCode.NotFound)
        {
            return (StoredContent?)null;
        }
    });

    public override async IAsyncEnumerable<StoredContent> ListAsync([EnumeratorCancellation] CancellationToken ct)
    {
        for (var (next, isMore) = ((string?)null, true); isMore;)
        {
            var token = next;
            var page = await AskAsync(() => client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = bucket, Prefix = prefix, ContinuationToken = token }, ct));
            foreach (var one in page.S3Objects ?? [])
            {
                if (ContentId.TryParse(one.Key[prefix.Length..], null, out var id))
                {
                    yield return new StoredContent(id, one.Size ?? 0, one.LastModified ?? DateTime.UnixEpoch);
                }
            }

            (next, isMore) = (page.NextContinuationToken, page.IsTruncated == true);
        }
    }

    public override async Task<bool> RemoveAsync(ContentId id, DateTimeOffset putBefore, CancellationToken ct)
    {
        if (await FindAsync(id, ct) is { } found && found.PutAt >= putBefore)
        {
            return false;
        }

        await AskAsync(() => client.DeleteObjectAsync(bucket, KeyOf(id), ct));
        return true;
    }

    public override Task TidyAsync(DateTimeOffset begunBefore, CancellationToken ct) => AskAsync(async () =>
    {
        var begun = await client.ListMultipartUploadsAsync(new ListMultipartUploadsRequest { BucketName = bucket, Prefix = prefix }, ct);
        foreach (var upload in (begun.MultipartUploads ?? []).Where(upload => upload.Initiated < begunBefore.UtcDateTime))
        {
            await client.AbortMultipartUploadAsync(new AbortMultipartUploadRequest { BucketName = bucket, Key = upload.Key, UploadId = upload.UploadId }, ct);
        }

        return true;
    });

    public override Task ProbeAsync(CancellationToken ct) =>
        AskAsync(() => client.PutObjectAsync(new PutObjectRequest { BucketName = bucket, Key = $"{prefix}probe", InputStream = new MemoryStream([1]) }, ct));

    public override ValueTask DisposeAsync()
    {
        client.Dispose();
        return base.DisposeAsync();
    }

    private async Task PutAtOnceAsync(ContentId id, HashedStream bytes, int size, CancellationToken ct)
    {
        using var whole = new MemoryStream(size);
        await bytes.CopyToAsync(whole, ct);
        whole.Position = 0;
        await client.PutObjectAsync(new PutObjectRequest { BucketName = bucket, Key = KeyOf(id), InputStream = whole, AutoCloseStream = false, ContentType = "application/octet-stream" }, ct);
    }

    private async Task PutInPartsAsync(ContentId id, HashedStream bytes, long size, CancellationToken ct)
    {
        var upload = (await client.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest { BucketName = bucket, Key = KeyOf(id), ContentType = "application/octet-stream" }, ct)).UploadId;
        try
        {
            var buffer = new byte[(int)Math.Max(LargestAtOnce, Math.Min((size / MostParts) + 1, 1 << 30))];
            var parts = new List<PartETag>();
            for (int read; (read = await bytes.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct)) > 0;)
            {
                var part = await client.UploadPartAsync(
                    new UploadPartRequest
                    {
                        BucketName = bucket,
                        Key = KeyOf(id),
                        UploadId = upload,
                        PartNumber = parts.Count + 1,
                        PartSize = read,
                        InputStream = new MemoryStream(buffer, 0, read, writable: false),
                    },
                    ct);
                parts.Add(new PartETag(parts.Count + 1, part.ETag));
            }

            await client.CompleteMultipartUploadAsync(new CompleteMultipartUploadRequest { BucketName = bucket, Key = KeyOf(id), UploadId = upload, PartETags = parts }, ct);
        }
        catch
        {
            // What cannot be taken back now is tidied up later.
            await Task.WhenAny(client.AbortMultipartUploadAsync(new AbortMultipartUploadRequest { BucketName = bucket, Key = KeyOf(id), UploadId = upload }, CancellationToken.None));
            throw;
        }
    }

    private async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception away) when (away is AmazonServiceException or AmazonClientException or HttpRequestException or WebException || (away is IOException && away is not InvalidDataException))
        {
            throw new StorageException($"The content store, bucket {bucket}, cannot do it now ({away.Message}). Try again; what is asked twice counts once.", away);
        }
    }

    private string KeyOf(ContentId id) => prefix + id;
}
