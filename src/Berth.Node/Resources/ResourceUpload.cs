using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Berth.Jobs.Definitions;

namespace Berth.Node.Resources;

/// <summary>Puts files into the bucket that a resource came from: small ones at once, large ones in parts. An object is there whole or not at all.</summary>
public sealed class ResourceUpload
{
    private const int PartBytes = 64 << 20;

    /// <summary>S3 takes so many parts of one object.</summary>
    private const int MostParts = 10_000;

    private const int LargestAnswer = 1 << 20;
    private const string DefaultRegion = "us-east-1";
    private const int SlowestUpload = 100_000;

    private readonly ResourceHttp _http;
    private readonly S3Location _location;
    private readonly SignatureV4 _signature;
    private readonly string _folder;

    internal ResourceUpload(ResourceHttp http, S3Location location, Resource resource)
    {
        (_http, _location) = (http, location);
        _signature = new SignatureV4(resource.Credentials!, location.Region ?? DefaultRegion, http.Time);
        _folder = location.Prefix.TrimEnd('/');
    }

    /// <summary>Puts the file at its path below the resource's place.</summary>
    /// <exception cref="ResourceException">The bucket does not take it.</exception>
    public async Task PutAsync(string path, string file, CancellationToken ct)
    {
        var address = _location.AddressOf(_folder.Length == 0 ? path : $"{_folder}/{path}");
        var length = new FileInfo(file).Length;
        if (length <= PartBytes)
        {
            using var answer = await SendAsync(HttpMethod.Put, address, file, 0, length, ct);
            return;
        }

        var started = await AskAsync(HttpMethod.Post, new Uri(address.AbsoluteUri + "?uploads"), "", ct);
        var upload = SignatureV4.Encoded(S3Page.Element(started, "UploadId") ?? throw new ResourceException(ResourceFault.Unusable, $"{ResourceHttp.Shown(address)} began no upload in parts."), isPath: false);
        try
        {
            var partBytes = Math.Max(PartBytes, (length + MostParts - 1) / MostParts);
            var parts = new StringBuilder("<CompleteMultipartUpload>");
            for (var (at, number) = (0L, 1); at < length; at += partBytes, number++)
            {
                var part = new Uri($"{address.AbsoluteUri}?partNumber={number}&uploadId={upload}");
                using var answer = await SendAsync(HttpMethod.Put, part, file, at, Math.Min(partBytes, length - at), ct);
                parts.Append(CultureInfo.InvariantCulture, $"<Part><PartNumber>{number}</PartNumber><ETag>{answer.Headers.ETag?.Tag.Replace("\"", "&quot;", StringComparison.Ordinal)}</ETag></Part>");
            }

            var done = await AskAsync(HttpMethod.Post, new Uri($"{address.AbsoluteUri}?uploadId={upload}"), parts.Append("</CompleteMultipartUpload>").ToString(), ct);
            if (done.Contains("<Error>", StringComparison.Ordinal))
            {
                throw new ResourceException(ResourceFault.Unusable, $"{ResourceHttp.Shown(address)} could not be put together ({S3Page.Element(done, "Code")}).");
            }
        }
        catch
        {
            // What was sent of it costs its owner money until it is thrown away; the first fault is the one to tell.
            await AbandonAsync(new Uri($"{address.AbsoluteUri}?uploadId={upload}"));
            throw;
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, Uri address, string file, long from, long length, CancellationToken ct)
    {
        var digest = await DigestAsync(file, from, length, ct);
        var request = new RemoteRequest(address)
        {
            Method = method,
            Body = () => new FilePiece(file, from, length),
            Patience = _http.Pace.Silence + TimeSpan.FromSeconds((double)length / SlowestUpload),
            Authorise = message => _signature.Sign(message, digest),
        };
        return await _http.AgainAsync(() => _http.SendAsync(request, ct), ct);
    }

    private async Task<string> AskAsync(HttpMethod method, Uri address, string body, CancellationToken ct)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var request = new RemoteRequest(address) { Method = method, Body = () => new ByteArrayContent(bytes), Authorise = message => _signature.Sign(message, digest) };
        return Encoding.UTF8.GetString(await _http.GetAsync(request, LargestAnswer, ct));
    }

    private async Task AbandonAsync(Uri address)
    {
        using var limit = new CancellationTokenSource(_http.Pace.Silence, _http.Time);
        try
        {
            using var answer = await _http.SendAsync(new RemoteRequest(address) { Method = HttpMethod.Delete, Authorise = _signature.Sign }, limit.Token);
        }
        catch (Exception fault) when (fault is ResourceException or OperationCanceledException)
        {
            // It is the bucket's own rule for unfinished uploads that removes it then.
        }
    }

    private static async Task<string> DigestAsync(string file, long from, long length, CancellationToken ct)
    {
        await using var piece = new FilePiece.Part(file, from, length);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(piece, ct));
    }
}
