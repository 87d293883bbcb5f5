using System.Diagnostics;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Berth.Market.Requests;

/// <summary>
/// Reads the body within its route's limit, and finds out who signed the request. A request with a signature that does not hold goes no further, whatever it asks for; one
/// without any goes on as nobody's.
/// </summary>
internal sealed class SignedRequests(RequestDelegate next, MarketOptions options, TimeProvider time)
{
    private const int FirstBuffer = 64 * 1024;
    private static readonly MessageVerifier Verifier = new();

    public async Task InvokeAsync(HttpContext context)
    {
        ReadOnlyMemory<byte> body;
        try
        {
            body = await ReadAsync(context);
        }
        catch (IOException broken) when (broken is not BadHttpRequestException && !context.RequestAborted.IsCancellationRequested)
        {
            throw RefusedException.Bad($"The body cannot be read: {broken.Message}");
        }

        if (body.Length > 0)
        {
            context.Features.Set(new Body(body));
        }

        if (IsSigned(context.Request))
        {
            var signed = Verify(context, body);
            context.Features.Set(signed);
            context.Features.Set(new Caller(signed.Signer));
        }

        await next(context);
    }

    private static bool IsSigned(HttpRequest request) => request.Headers.ContainsKey("Signature") || request.Headers.ContainsKey("Signature-Input");

    private SignatureAccepted Verify(HttpContext context, ReadOnlyMemory<byte> body)
    {
        var request = context.Request;
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (!options.Hosts.IsEmpty && !options.Hosts.Contains(request.Host.Host.Trim('[', ']')))
        {
            throw new RefusedException(ProblemTypes.NotSigned, $"The request is signed for '{request.Host.Host}', and this server is {string.Join(", ", options.Hosts)}. Name the server as it is named (berth server --host).");
        }

        var parts = RequestParts.Of(request.Method, request.Headers.Host.ToString(), target, name => request.Headers[name]);
        return Verifier.Verify(parts, body.Span, time.GetUtcNow()) switch
        {
            SignatureAccepted signed => signed,
            SignatureRefused refused => throw new RefusedException(refused.Code, refused.Sentence) { ServerTime = time.GetUtcNow() },
            _ => throw new UnreachableException("A signature is accepted or refused."),
        };
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.ContentLength is null or 0 && !request.Headers.ContainsKey("Transfer-Encoding") && request.Protocol != "HTTP/2")
        {
            return default;
        }

        // Whoever signs nothing has nothing large to say.
        var limits = context.GetEndpoint()?.Metadata.GetMetadata<BodyLimit>() ?? BodyLimit.Usual;
        var most = IsSigned(request) ? limits.Bytes : Math.Min(limits.Bytes, BodyLimit.Usual.Bytes);
        if (request.ContentLength > most)
        {
            throw TooLarge(most);
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = most + 1L;
        }

        var bytes = new MemoryStream((int)Math.Min(request.ContentLength ?? 0, FirstBuffer));
        var buffer = new byte[16 * 1024];
        for (int read; (read = await request.Body.ReadAsync(buffer, context.RequestAborted)) > 0;)
        {
            if (bytes.Length + read > most)
            {
                throw TooLarge(most);
            }

            bytes.Write(buffer.AsSpan(0, read));
        }

        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }

    private static RefusedException TooLarge(int most) => new(ProblemTypes.TooLarge, $"The body is larger than the {most / 1024} KiB that this route takes.");
}
