namespace Berth.Protocol.Identity;

/// <summary>
/// What of a request can be signed. <paramref name="Authority"/> is the host and, unless it is the scheme's own, the port, in any case;
/// <paramref name="Path"/> and <paramref name="Query"/> are as they stand in the request line, still escaped; <paramref name="Header"/> gives the lines of
/// the header of a name, in whatever case the name is, or none.
/// </summary>
public sealed record RequestParts(string Method, string Authority, string Path, string Query, Func<string, IEnumerable<string?>> Header)
{
    /// <summary>The parts of a request as a server gets it: the Host header, and the target of the request line in origin form.</summary>
    public static RequestParts Of(string method, string authority, string target, Func<string, IEnumerable<string?>> header) =>
        target.IndexOf('?', StringComparison.Ordinal) is var mark and >= 0
            ? new(method, authority, target[..mark], target[mark..], header)
            : new(method, authority, target, "", header);

    /// <summary>The parts of a request that is about to be sent.</summary>
    public static RequestParts Of(HttpRequestMessage request)
    {
        if (request.RequestUri is not { IsAbsoluteUri: true } uri)
        {
            throw new InvalidOperationException("A request without an absolute address cannot be signed.");
        }

        return new(
            request.Method.Method,
            request.Headers.Host ?? AuthorityOf(uri),
            uri.AbsolutePath,
            uri.Query,
            name => request.Headers.NonValidated.TryGetValues(name, out var lines) ? lines : []);
    }

    // IdnHost is what goes into the Host header, but it takes the brackets off an IPv6 address.
    private static string AuthorityOf(Uri uri)
    {
        var host = uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost;
        return uri.IsDefaultPort ? host : $"{host}:{uri.Port}";
    }
}
