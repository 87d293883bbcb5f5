using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;

namespace Berth.Protocol.Identity;

/// <summary>
/// Signs every request (see <see cref="MessageSigner"/>); a body is held in memory for its digest. A server that finds the clock off says its own time: from
/// then on signatures are of the server's time, and the request is sent once more.
/// </summary>
public sealed class SigningHandler(SigningKey key, TimeProvider time) : DelegatingHandler
{
    // Longer than the minute a server allows a clock to be off, so that a signature never expires before that is noticed.
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(2);
    private const int LongestProblem = 256 * 1024;

    // Ticks that the server's clock is before this one's.
    private long _offset;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.Remove(ContentDigest.Name);
        if (request.Content is { } content)
        {
            // Buffered, so that it can be sent again too.
            await content.LoadIntoBufferAsync(cancellationToken);
            request.Headers.TryAddWithoutValidation(ContentDigest.Name, ContentDigest.Of(await content.ReadAsByteArrayAsync(cancellationToken)));
        }

        var answer = await SendSignedAsync(request, cancellationToken);
        if (await ServerTimeAsync(answer, cancellationToken) is not { } serverTime)
        {
            return answer;
        }

        answer.Dispose();
        Interlocked.Exchange(ref _offset, (serverTime - time.GetUtcNow()).Ticks);
        return await SendSignedAsync(request, cancellationToken);
    }

    /// <summary>The server's time, when that is why it refuses.</summary>
    private static async Task<DateTimeOffset?> ServerTimeAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        if (answer.StatusCode != HttpStatusCode.Unauthorized || answer.Content.Headers.ContentType?.MediaType != "application/problem+json")
        {
            return null;
        }

        // Whoever asked reads the answer again from the buffer.
        await answer.Content.LoadIntoBufferAsync(LongestProblem, ct);
        try
        {
            var problem = JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(ct), WireJson.Answers.ServerProblem);
            return problem?.Code == ProblemTypes.ClockSkew ? problem.ServerTime : null;
        }
        catch (JsonException)
        {
            // No market's server; whoever asked says so.
            return null;
        }
    }

    private Task<HttpResponseMessage> SendSignedAsync(HttpRequestMessage request, CancellationToken ct)
    {
        request.Headers.Remove(MessageSigner.InputName);
        request.Headers.Remove(MessageSigner.SignatureName);
        var now = time.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _offset));
        var signature = MessageSigner.Sign(key, RequestParts.Of(request), now, now + Life, Nonce());
        request.Headers.TryAddWithoutValidation(MessageSigner.InputName, signature.Input);
        request.Headers.TryAddWithoutValidation(MessageSigner.SignatureName, signature.Signature);
        return base.SendAsync(request, ct);
    }

    private static string Nonce() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16));
}
