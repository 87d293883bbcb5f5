using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text;
using Berth.Jobs.Definitions;

namespace Berth.Node.Exposure;

/// <summary>The answer to one health check: whether it passed, and the words for it ("status 503, expected 200").</summary>
public sealed record HealthAnswer(bool IsHealthy, string Detail);

/// <summary>Asks the service inside a container the questions of job-language.md 1.8, straight at the container's address.</summary>
public sealed class HealthProbe(TimeProvider time) : IDisposable
{
    private const int MostAnswerBytes = 1 << 20;
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(2),
        PooledConnectionLifetime = TimeSpan.FromSeconds(1),
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>Asks once; a service that does not answer is an unhealthy answer, never an exception.</summary>
    public async Task<HealthAnswer> AskAsync(HealthCheck check, IPEndPoint service, TimeSpan patience, CancellationToken ct)
    {
        using var late = new CancellationTokenSource(patience, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        try
        {
            return check switch
            {
                HttpHealthCheck http => await AskHttpAsync(http, service, limit.Token),
                WebSocketHealthCheck socket => await AskWebSocketAsync(socket, service, limit.Token),
                _ => throw new System.Diagnostics.UnreachableException($"No way to ask {check.GetType().Name}."),
            };
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new HealthAnswer(false, $"no answer within {patience.TotalSeconds:0} s");
        }
        catch (Exception refused) when (refused is HttpRequestException or WebSocketException or IOException)
        {
            return new HealthAnswer(false, (refused.InnerException ?? refused).Message);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<HealthAnswer> AskHttpAsync(HttpHealthCheck check, IPEndPoint service, CancellationToken ct)
    {
        if (!Uri.TryCreate($"http://{service}/{check.Path.TrimStart('/')}", UriKind.Absolute, out var address))
        {
            return new HealthAnswer(false, $"'{check.Path}' is no path of an address");
        }

        using var question = new HttpRequestMessage(new HttpMethod(check.Method), address);
        if (check.Body is { } body && check.Method is "POST" or "PUT")
        {
            question.Content = new StringContent(body, Encoding.UTF8);
            question.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        }

        foreach (var (name, value) in check.Headers)
        {
            if (!question.Headers.TryAddWithoutValidation(name, value) && question.Content is { } content)
            {
                content.Headers.Remove(name);
                content.Headers.TryAddWithoutValidation(name, value);
            }
        }

        using var answer = await _http.SendAsync(question, HttpCompletionOption.ResponseHeadersRead, ct);
        var status = (int)answer.StatusCode;
        return new HealthAnswer(status == check.ExpectedStatus, $"status {status}, expected {check.ExpectedStatus}");
    }

    private static async Task<HealthAnswer> AskWebSocketAsync(WebSocketHealthCheck check, IPEndPoint service, CancellationToken ct)
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{service}/"), ct);
        var heard = new byte[16 * 1024];
        var text = new StringBuilder();
        while (text.Length < MostAnswerBytes)
        {
            var part = await socket.ReceiveAsync(heard.AsMemory(), ct);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                break;
            }

            text.Append(Encoding.UTF8.GetString(heard, 0, part.Count));
            if (text.ToString().Contains(check.ExpectedResponse, StringComparison.Ordinal))
            {
                return new HealthAnswer(true, $"answered '{check.ExpectedResponse}'");
            }
        }

        return new HealthAnswer(false, $"closed without saying '{check.ExpectedResponse}'");
    }
}
