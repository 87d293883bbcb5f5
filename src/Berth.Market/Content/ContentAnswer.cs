using Berth.Protocol;
using Berth.Protocol.Identity;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;

namespace Berth.Market.Content;

/// <summary>Sends a content, or a range of it. Nothing is held in memory, and whoever receives it checks it by its id.</summary>
internal static class ContentAnswer
{
    private const int Block = 128 * 1024;

    /// <exception cref="RefusedException">The content is gone, or the range is outside of it.</exception>
    public static async Task SendAsync(HttpContext context, ContentStore store, ContentId id, CancellationToken ct)
    {
        var found = await store.FindAsync(id, ct) ?? throw RefusedException.NotFound($"The content {id} is gone from the content store.");
        var (from, length, isPart) = RangeOf(context.Request.GetTypedHeaders(), found.Size);
        await using var stream = await store.OpenAsync(id, from, ct) ?? throw RefusedException.NotFound($"The content {id} is gone from the content store.");
        var response = context.Response;
        response.StatusCode = isPart ? StatusCodes.Status206PartialContent : StatusCodes.Status200OK;
        response.ContentType = "application/octet-stream";
        response.ContentLength = length;
        response.Headers.AcceptRanges = "bytes";
        response.Headers.ETag = $"\"{id}\"";
        response.Headers.CacheControl = "private, immutable, max-age=31536000";
        response.Headers.XContentTypeOptions = "nosniff";
        if (isPart)
        {
            response.Headers.ContentRange = $"bytes {from}-{from + length - 1}/{found.Size}";
        }

        var buffer = new byte[Block];
        for (var left = length; left > 0;)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)), ct);
            if (read == 0)
            {
                // It is shorter than the store says; the receiver notices, for it knows the length.
                context.Abort();
                return;
            }

            await response.Body.WriteAsync(buffer.AsMemory(0, read), ct);
            left -= read;
        }
    }

    private static (long From, long Length, bool IsPart) RangeOf(RequestHeaders headers, long size)
    {
        if (headers.Range is not { Unit.Value: "bytes", Ranges: { Count: 1 } ranges } || ranges.First() is not RangeItemHeaderValue range)
        {
            return (0, size, false);
        }

        var from = range.From ?? Math.Max(0, size - (range.To ?? 0));
        var to = range.From is null ? size - 1 : Math.Min(range.To ?? (size - 1), size - 1);
        return from <= to
            ? (from, to - from + 1, true)
            : throw new RefusedException(ProblemTypes.BadRange, $"The content has {size} bytes; there is nothing from byte {from} on.");
    }
}
