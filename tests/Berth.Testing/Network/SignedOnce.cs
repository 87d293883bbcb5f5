using System.Text;
using Berth.Protocol.Identity;

namespace Berth.Testing.Network;

/// <summary>A request signed by hand, to be altered, or sent byte for byte again.</summary>
public static class SignedOnce
{
    /// <summary>The request, signed by the key at the network's time, or by a clock that is off by so much.</summary>
    public static HttpRequestMessage Request(TestNetwork network, SigningKey key, HttpMethod method, string path, string? body = null, TimeSpan off = default) =>
        Request(network.Address, key, network.Time.GetUtcNow() + off, method, path, body);

    /// <summary>The request to a server, signed by the key at the time.</summary>
    public static HttpRequestMessage Request(Uri server, SigningKey key, DateTimeOffset now, HttpMethod method, string path, string? body = null)
    {
        var request = new HttpRequestMessage(method, new Uri(server, path));
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            request.Headers.TryAddWithoutValidation("Content-Digest", ContentDigest.Of(Encoding.UTF8.GetBytes(body)));
        }

        var signature = MessageSigner.Sign(key, RequestParts.Of(request), now, now.AddMinutes(1), Guid.NewGuid().ToString());
        request.Headers.TryAddWithoutValidation(MessageSigner.InputName, signature.Input);
        request.Headers.TryAddWithoutValidation(MessageSigner.SignatureName, signature.Signature);
        return request;
    }

    /// <summary>Sends the same bytes once more, to any server, as somebody who has recorded them would; the status of the answer.</summary>
    public static async Task<int> SendAsync(HttpRequestMessage recorded, Uri server)
    {
        using var http = new HttpClient();
        using var again = new HttpRequestMessage(recorded.Method, new Uri(server, recorded.RequestUri!.PathAndQuery)) { Content = recorded.Content };
        foreach (var (name, values) in recorded.Headers.NonValidated)
        {
            again.Headers.TryAddWithoutValidation(name, values);
        }

        again.Headers.Host = recorded.RequestUri.Authority;
        using var answer = await http.SendAsync(again);
        again.Content = null;
        return (int)answer.StatusCode;
    }
}
