using System.Net;
using System.Net.Sockets;

namespace Berth.Node.Resources;

/// <summary>
/// The way to the servers that have resources: every connection, also of a redirect, goes to an address that may be reached, and what goes wrong leaves as
/// a <see cref="ResourceException"/> that shows no more of an address than server and path.
/// </summary>
internal sealed class ResourceHttp : IDisposable
{
    private const int MostRedirects = 10;
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(15);

    private readonly ReachableAddresses _reachable;
    private readonly HttpClient _client;
    private readonly TimeProvider _time;
    private readonly DownloadPace _pace;

    public ResourceHttp(ReachableAddresses reachable, DownloadPace pace, TimeProvider time)
    {
        (_reachable, _pace, _time) = (reachable, pace, time);

        // A proxy would connect for us, to wherever a definition says.
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ConnectCallback = ConnectAsync,
            ConnectTimeout = ConnectPatience,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20),
        })
        { Timeout = Timeout.InfiniteTimeSpan };
    }

    public DownloadPace Pace => _pace;

    public TimeProvider Time => _time;

    public void Dispose() => _client.Dispose();

    /// <summary>As much of an address as may be shown: no user, no query, for both may be signed or secret.</summary>
    public static string Shown(Uri address) =>
        $"{address.Scheme}://{address.Authority}{(address.AbsolutePath.Length > 200 ? address.AbsolutePath[..200] + "…" : address.AbsolutePath)}";

    /// <summary>Sends once, following redirects; returns when the headers are there, of success or of a range that cannot be (416).</summary>
    public async Task<HttpResponseMessage> SendAsync(RemoteRequest request, CancellationToken ct)
    {
        var address = request.Address;
        for (var redirects = 0; ; redirects++)
        {
            var response = await SendOnceAsync(request, address, ct);
            if (response.StatusCode is not (HttpStatusCode.Moved or HttpStatusCode.Found or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect)
                || response.Headers.Location is not { } location)
            {
                return await AcceptedAsync(request, response, ct);
            }

            response.Dispose();
            if (redirects == MostRedirects)
            {
                throw new ResourceException(ResourceFault.Unusable, $"{Shown(request.Address)} redirects more than {MostRedirects} times.");
            }

            address = Followed(request.Address, address, location);
        }
    }

    /// <summary>A whole small answer, tried again when its server stumbles.</summary>
    public Task<byte[]> GetAsync(RemoteRequest request, int mostBytes, CancellationToken ct) => AgainAsync(
        async () =>
        {
            using var response = await SendAsync(request, ct);
            return await ReadAsync(response, request.Address, mostBytes, ct);
        },
        ct);

    /// <summary>The body, when it is no longer than it may be.</summary>
    public async Task<byte[]> ReadAsync(HttpResponseMessage response, Uri address, int mostBytes, CancellationToken ct)
    {
        var body = new MemoryStream();
        await using var stream = await OpenAsync(response, address, ct);
        var buffer = new byte[16 * 1024];
        for (int read; (read = await stream.ReadAsync(buffer, ct)) > 0;)
        {
            body.Write(buffer, 0, read);
            if (body.Length > mostBytes)
            {
                throw new ResourceException(ResourceFault.TooMuch, $"The answer of {Shown(address)} is longer than {mostBytes} bytes.");
            }
        }

        return body.ToArray();
    }

    /// <summary>The body as a stream that fails when its server falls silent or becomes too slow.</summary>
    public async Task<AttentiveStream> OpenAsync(HttpResponseMessage response, Uri address, CancellationToken ct) =>
        new(await response.Content.ReadAsStreamAsync(ct), Shown(address), _pace, _time);

    /// <summary>Does it again, after growing pauses, while its server stumbles.</summary>
    public async Task<T> AgainAsync<T>(Func<Task<T>> act, CancellationToken ct)
    {
        for (var patience = new Patience(_pace, _time); ;)
        {
            try
            {
                return await act();
            }
            catch (ResourceException stumbled) when (stumbled.IsTransient)
            {
                await patience.WaitAsync(stumbled, ct);
            }
        }
    }

    /// <summary>The refusal of a name that leads nowhere public.</summary>
    public static ResourceException Unreachable(string name, IPAddress[] addresses) => new(
        ResourceFault.Forbidden,
        $"{name} is {(addresses.Length > 0 ? addresses[0] : "nowhere")}, an address of this machine or a private network, from which this host lets no resource be fetched. " +
        "The host can allow it with --allow-address.");

    private static Uri Followed(Uri asked, Uri from, Uri location)
    {
        var to = new Uri(from, location);
        if (to.Scheme is not ("http" or "https"))
        {
            throw new ResourceException(ResourceFault.Forbidden, $"{Shown(asked)} redirects to {to.Scheme}:, which is never followed.");
        }

        return from.Scheme == "https" && to.Scheme == "http"
            ? throw new ResourceException(ResourceFault.Forbidden, $"{Shown(asked)} redirects from https to http, which is never followed.")
            : to;
    }

    private async Task<HttpResponseMessage> SendOnceAsync(RemoteRequest request, Uri address, CancellationToken ct)
    {
        var patience = request.Patience ?? _pace.Silence;
        using var silence = new CancellationTokenSource(patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, silence.Token);
        try
        {
            using var message = request.Message(address);
            return await _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new ResourceException(ResourceFault.Unavailable, $"{Shown(address)} did not answer within {patience.TotalSeconds:0} s.");
        }
        catch (HttpRequestException broken)
        {
            throw OfBroken(broken, address);
        }
    }

    private static async Task<HttpResponseMessage> AcceptedAsync(RemoteRequest request, HttpResponseMessage response, CancellationToken ct)
    {
        var status = (int)response.StatusCode;
        if (response.IsSuccessStatusCode || status == 416)
        {
            return response;
        }

        using (response)
        {
            var fault = status switch
            {
                404 or 410 => ResourceFault.Missing,
                401 or 403 => ResourceFault.Denied,
                408 or 425 or 429 or >= 500 => ResourceFault.Unavailable,
                _ => ResourceFault.Unusable,
            };
            var reason = await ReasonAsync(response, ct);
            throw new ResourceException(fault, $"{Shown(request.Address)} answers {status} {response.ReasonPhrase}{(reason is null ? "" : $" ({reason})")}.")
            {
                RetryAfter = response.Headers.RetryAfter?.Delta,
                BucketRegion = response.Headers.TryGetValues("x-amz-bucket-region", out var regions) ? regions.First() : null,
            };
        }
    }

    // S3 says in an XML element what is wrong, the Hugging Face hub in a header.
    private static async Task<string?> ReasonAsync(HttpResponseMessage response, CancellationToken ct)
    {
        if (response.Headers.TryGetValues("X-Error-Code", out var codes))
        {
            return OneWord(codes.First());
        }

        if (response.Content.Headers.ContentType?.MediaType is not ("application/xml" or "text/xml") || response.Content.Headers.ContentLength is not < 16 * 1024)
        {
            return null;
        }

        try
        {
            var body = await response.Content.ReadAsStringAsync(ct);
            var start = body.IndexOf("<Code>", StringComparison.Ordinal);
            var end = start < 0 ? -1 : body.IndexOf("</Code>", start, StringComparison.Ordinal);
            return end < 0 ? null : OneWord(body[(start + "<Code>".Length)..end]);
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            return null;
        }
    }

    private static string? OneWord(string text) => text.Length is > 0 and <= 60 && text.All(char.IsAsciiLetterOrDigit) ? text : null;

    private static ResourceException OfBroken(HttpRequestException broken, Uri address)
    {
        for (Exception? inner = broken; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case ResourceException own:
                    return own;
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain }:
                    return new(ResourceFault.Unavailable, $"The name {address.IdnHost} could not be resolved.", broken);
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }:
                    return new(ResourceFault.Unavailable, $"{address.Scheme}://{address.Authority} refuses connections.", broken);
                case System.Security.Authentication.AuthenticationException:
                    return new(ResourceFault.Unusable, $"The certificate of https://{address.Authority} is not to be trusted.", broken);
                default:
                    break;
            }
        }

        return new(ResourceFault.Unavailable, $"{Shown(address)} could not be asked: the connection failed.", broken);
    }

    // The name is resolved here and connected to as resolved, so that it cannot lead elsewhere in between.
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext target, CancellationToken ct)
    {
        var name = target.DnsEndPoint.Host;
        var addresses = await Dns.GetHostAddressesAsync(name, ct);
        var reachable = addresses.Where(_reachable.Allows).ToArray();
        if (reachable.Length == 0)
        {
            throw Unreachable(name, addresses);
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(reachable, target.DnsEndPoint.Port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
