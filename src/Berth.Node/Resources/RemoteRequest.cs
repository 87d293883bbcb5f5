using System.Net.Http.Headers;

namespace Berth.Node.Resources;

/// <summary>One request for a piece of a resource; it can be sent again.</summary>
internal sealed record RemoteRequest(Uri Address)
{
    public HttpMethod Method { get; init; } = HttpMethod.Get;

    /// <summary>First byte that is wanted; null is all.</summary>
    public long? From { get; init; }

    /// <summary>Last byte that is wanted.</summary>
    public long? To { get; init; }

    public string? Accept { get; init; }

    /// <summary>Makes the body, for every try anew.</summary>
    public Func<HttpContent>? Body { get; init; }

    /// <summary>How long the answer may take where that is longer than any server may be silent: a body must be sent first.</summary>
    public TimeSpan? Patience { get; init; }

    /// <summary>Lays credentials over the message; never called for another server that a redirect leads to.</summary>
    public Action<HttpRequestMessage>? Authorise { get; init; }

    public HttpRequestMessage Message(Uri address)
    {
        var message = new HttpRequestMessage(Method, address);
        if (From is { } from)
        {
            message.Headers.Range = new RangeHeaderValue(from, To);
        }

        if (Accept is not null)
        {
            message.Headers.TryAddWithoutValidation("Accept", Accept);
        }

        if (Body is { } body)
        {
            message.Content = body();
        }

        message.Headers.TryAddWithoutValidation("User-Agent", "berth");
        if (IsSameServer(address))
        {
            Authorise?.Invoke(message);
        }

        return message;
    }

    private bool IsSameServer(Uri address) =>
        address.Scheme == Address.Scheme && address.Port == Address.Port && string.Equals(address.IdnHost, Address.IdnHost, StringComparison.OrdinalIgnoreCase);
}
