using System.Net;
using System.Net.Sockets;
using Docker.DotNet;

namespace Berth.Containers.Docker;

/// <summary>
/// The way to one engine: the library's client for calls with a short answer, plain HTTP over the same socket for streams. Whatever goes wrong on it
/// leaves as an <see cref="EngineException"/>, and no short call outlasts the patience.
/// </summary>
internal sealed class EngineConnection : IDisposable
{
    private readonly EngineAddress _address;
    private readonly TimeSpan _patience;
    private readonly DockerClient _client;
    private readonly HttpClient _http;
    private readonly HttpClient _logs;

    public EngineConnection(EngineAddress address, TimeProvider time, TimeSpan patience)
    {
        _address = address;
        Time = time;
        _patience = patience;
        _client = new DockerClientBuilder().WithEndpoint(address.Uri).WithTimeout(Timeout.InfiniteTimeSpan).Build();
        _http = NewHttp(address, ConnectAsync, TimeSpan.FromSeconds(30));
        _logs = NewHttp(address, ConnectPumpedAsync, TimeSpan.Zero);
    }

    public TimeProvider Time { get; }

    public delegate EngineException Reading(string attempt, int status, string message);

    public Task<T> AskAsync<T>(string attempt, Func<DockerClient, CancellationToken, Task<T>> ask, CancellationToken ct) =>
        AskAsync(attempt, EngineAnswer.General, TimeSpan.Zero, ask, ct);

    public Task AskAsync(string attempt, Func<DockerClient, CancellationToken, Task> ask, CancellationToken ct) =>
        AskAsync(attempt, EngineAnswer.General, TimeSpan.Zero, ask, ct);

    public Task AskAsync(string attempt, Reading reading, TimeSpan extraPatience, Func<DockerClient, CancellationToken, Task> ask, CancellationToken ct) =>
        AskAsync(
            attempt,
            reading,
            extraPatience,
            async (client, limit) =>
            {
                await ask(client, limit);
                return true;
            },
            ct);

    /// <summary>Asks the engine through the library; a refusal is told in the words of <paramref name="reading"/>.</summary>
    public async Task<T> AskAsync<T>(
        string attempt, Reading reading, TimeSpan extraPatience, Func<DockerClient, CancellationToken, Task<T>> ask, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(_patience + extraPatience, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            return await ask(_client, either.Token);
        }
        catch (DockerApiException refusal)
        {
            throw reading(attempt, (int)refusal.StatusCode, EngineAnswer.MessageOf(refusal.ResponseBody ?? ""));
        }
        catch (Exception broken) when (IsBroken(broken) || (broken is OperationCanceledException && limit.IsCancellationRequested && !ct.IsCancellationRequested))
        {
            throw Unreachable(attempt, broken);
        }
    }

    /// <summary>Sends a plain request and returns when the answer's headers are there; a refusal is told in the words of <paramref name="reading"/>.</summary>
    public Task<HttpResponseMessage> SendAsync(string attempt, HttpRequestMessage request, Reading reading, bool isPatient, CancellationToken ct) =>
        SendAsync(_http, attempt, request, reading, isPatient, ct);

    /// <summary>Opens a log: a request whose answer may be long and comes line by line.</summary>
    public Task<HttpResponseMessage> OpenLogAsync(string attempt, HttpRequestMessage request, CancellationToken ct) =>
        SendAsync(_logs, attempt, request, EngineAnswer.General, isPatient: true, ct);

    private async Task<HttpResponseMessage> SendAsync(
        HttpClient http, string attempt, HttpRequestMessage request, Reading reading, bool isPatient, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(isPatient ? Timeout.InfiniteTimeSpan : _patience, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                throw reading(attempt, (int)response.StatusCode, EngineAnswer.MessageOf(await response.Content.ReadAsStringAsync(either.Token)));
            }
        }
        catch (Exception broken) when (IsBroken(broken) || (broken is OperationCanceledException && limit.IsCancellationRequested && !ct.IsCancellationRequested))
        {
            throw Unreachable(attempt, broken);
        }
    }

    /// <summary>One read of an answer that has begun; what breaks it off is the engine's absence.</summary>
    public async ValueTask<T> ReadAsync<T>(string attempt, Func<CancellationToken, ValueTask<T>> read, CancellationToken ct)
    {
        try
        {
            return await read(ct);
        }
        catch (Exception broken) when (IsBroken(broken))
        {
            throw Unreachable(attempt, broken);
        }
    }

    /// <summary>A pause between two tries of something the engine is still busy with.</summary>
    public Task PauseAsync(CancellationToken ct) => Task.Delay(TimeSpan.FromMilliseconds(100), Time, ct);

    public void Dispose()
    {
        _client.Dispose();
        _http.Dispose();
        _logs.Dispose();
    }

    private static HttpClient NewHttp(EngineAddress address, Func<Socket, EndPoint, CancellationToken, ValueTask<Stream>> connect, TimeSpan keep)
    {
        var transport = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, PooledConnectionIdleTimeout = keep, PooledConnectionLifetime = keep };
        transport.ConnectCallback = async (target, ct) =>
        {
            var socket = address.SocketPath is null
                ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
                : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                return await connect(socket, address.SocketPath is { } path ? new UnixDomainSocketEndPoint(path) : target.DnsEndPoint, ct);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        };
        return new(transport)
        {
            BaseAddress = address.SocketPath is null ? new($"http://{address.Uri.Host}:{address.Uri.Port}/") : new("http://engine/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    private static async ValueTask<Stream> ConnectAsync(Socket socket, EndPoint engine, CancellationToken ct)
    {
        await socket.ConnectAsync(engine, ct);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>Connects in the plain way: a socket that was asynchronous once is watched for as long as it lives, and woken for each line.</summary>
    private static ValueTask<Stream> ConnectPumpedAsync(Socket socket, EndPoint engine, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        socket.Connect(engine);
        return new(new PumpedStream(socket));
    }

    private static bool IsBroken(Exception broken) =>
        broken is HttpRequestException or IOException or SocketException or TimeoutException or ObjectDisposedException
        || (broken is AggregateException { InnerException: { } first } && IsBroken(first));

    private EngineException Unreachable(string attempt, Exception broken)
    {
        var because = FindSocketError(broken) switch
        {
            SocketError.AccessDenied => $"this user may not use the container engine's socket {_address}; join its group (usually docker) or run as root",
            SocketError.AddressNotAvailable or SocketError.ConnectionRefused or SocketError.HostNotFound =>
                $"no container engine answers at {_address}; start Docker or Podman, or set DOCKER_HOST to where it listens",
            _ when broken is OperationCanceledException => $"the container engine at {_address} did not answer within {_patience.TotalSeconds:0.#} s",
            _ => $"the container engine at {_address} broke off its answer",
        };
        return new(EngineFault.Unreachable, $"{attempt}: {because}.", broken);
    }

    private static SocketError? FindSocketError(Exception? broken)
    {
        for (; broken is not null; broken = broken.InnerException)
        {
            if (broken is SocketException socket)
            {
                return socket.SocketErrorCode;
            }
        }

        return null;
    }
}
