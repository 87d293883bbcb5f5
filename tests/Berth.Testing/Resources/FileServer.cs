using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Berth.Testing.Resources;

/// <summary>
/// An HTTP server that a test makes as bad as it likes: it cuts, lies about lengths, redirects, stalls and dribbles. Written on a bare socket, for a good server cannot be
/// made to do these things.
/// </summary>
public sealed class FileServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _over = new();
    private readonly ConcurrentDictionary<string, ServedFile> _files = new();
    private readonly ConcurrentDictionary<Task, bool> _talks = new();
    private readonly ConcurrentQueue<ServedRequest> _requests = new();
    private readonly Task _accepting;
    private long _sent;

    public FileServer()
    {
        _listener.Start(512);
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    /// <summary>What was asked for, in order.</summary>
    public ImmutableArray<ServedRequest> Requests => [.. _requests];

    /// <summary>Bytes of bodies that were handed to the network.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Answers for a path that is not served; by default nothing is there.</summary>
    public Func<ServedRequest, ServedFile?> Otherwise { get; set; } = _ => null;

    /// <summary>Serves a file at the path, from now on.</summary>
    public Uri Serve(string path, ServedFile file)
    {
        _files[path] = file;
        return new Uri(Address, path);
    }

    public Uri Serve(string path, string text) => Serve(path, new ServedFile(Encoding.UTF8.GetBytes(text)));

    /// <summary>From now on nobody is there.</summary>
    public async Task StopAsync()
    {
        await _over.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_talks.Keys);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _over.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_over.Token);
                var talk = Task.Run(() => TalkAsync(socket));
                _talks[talk] = true;
                _ = talk.ContinueWith(done => _talks.TryRemove(done, out _), TaskScheduler.Default);
            }
        }
        catch (Exception over) when (over is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task TalkAsync(Socket socket)
    {
        using (socket)
        {
            socket.NoDelay = true;
            try
            {
                await using var stream = new NetworkStream(socket);
                while (await ReadRequestAsync(stream) is { } request)
                {
                    _requests.Enqueue(request);
                    var file = _files.GetValueOrDefault(request.Path) ?? Otherwise(request) ?? new ServedFile([]) { Status = 404 };
                    if (!await AnswerAsync(stream, request, file))
                    {
                        if (file.CutsAfter is not null || file.IsCut)
                        {
                            socket.Close(0);
                        }

                        return;
                    }
                }
            }
            catch (Exception gone) when (gone is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The other side has what it wants, or the test is over.
            }
        }
    }

    private async Task<ServedRequest?> ReadRequestAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _over.Token) == 0)
            {
                return null;
            }

            head.Append((char)one[0]);
        }

        var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var words = lines[0].Split(' ');
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToImmutableDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[int.Parse(headers.GetValueOrDefault("Content-Length", "0"), CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body, _over.Token);
        var mark = words[1].IndexOf('?', StringComparison.Ordinal);
        return new ServedRequest(words[0], Uri.UnescapeDataString(mark < 0 ? words[1] : words[1][..mark]), mark < 0 ? "" : words[1][mark..], headers, body);
    }

    // False when the connection is of no more use.
    private async Task<bool> AnswerAsync(NetworkStream stream, ServedRequest request, ServedFile file)
    {
        if (file.TakeFailure() is { } failure)
        {
            await WriteHeadAsync(stream, failure, 0, []);
            return true;
        }

        if (file.RedirectsTo is { } location)
        {
            (string, string)[] tag = file.ETag is { } shown ? [("ETag", shown)] : [];
            await WriteHeadAsync(stream, 302, 0, [("Location", location), .. tag, .. file.Headers]);
            return true;
        }

        var (from, end, status) = (0L, file.Size, file.Status);
        var headers = file.Headers.ToList();
        if (file.ETag is { } version)
        {
            headers.Add(("ETag", version));
        }

        if (file.HasRanges && status == 200 && request.Range is var (first, last) && first >= 0)
        {
            if (first >= file.Size)
            {
                await WriteHeadAsync(stream, 416, 0, [("Content-Range", $"bytes */{file.Size}")]);
                return true;
            }

            (from, end, status) = (first, Math.Min(file.Size, (last ?? long.MaxValue - 1) + 1), 206);
            headers.Add(("Content-Range", $"bytes {from}-{end - 1}/{file.Size}"));
        }

        await WriteHeadAsync(stream, status, file.HasLength ? end - from + file.LiesBy : null, headers);
        return request.Method == "HEAD" || await WriteBodyAsync(stream, file, from, end);
    }

    private async Task<bool> WriteBodyAsync(NetworkStream stream, ServedFile file, long from, long end)
    {
        var buffer = new byte[file.BytesPerSecond is { } rate ? Math.Clamp(rate / 20, 1, 64 * 1024) : 64 * 1024];
        var cut = file.CutsAfter ?? long.MaxValue;
        for (var at = from; at < end;)
        {
            var length = (int)Math.Min(Math.Min(buffer.Length, end - at), cut - (at - from));
            if (length <= 0 || file.IsCut)
            {
                return false;
            }

            file.Fill(at, buffer.AsSpan(0, length));
            await stream.WriteAsync(buffer.AsMemory(0, length), _over.Token);
            Interlocked.Add(ref _sent, length);
            at += length;
            if (file.BytesPerSecond is { } slow)
            {
                await Task.Delay(TimeSpan.FromSeconds((double)length / slow), TimeProvider.System, _over.Token);
            }

            if (file.StallsAfter is { } stall && at - from >= stall)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, _over.Token);
            }
        }

        return file.HasLength && file.LiesBy == 0;
    }

    private async Task WriteHeadAsync(NetworkStream stream, int status, long? length, IEnumerable<(string Name, string Value)> headers)
    {
        using var words = new HttpResponseMessage((HttpStatusCode)status);
        var head = new StringBuilder($"HTTP/1.1 {status} {words.ReasonPhrase}\r\n");
        foreach (var (name, value) in headers)
        {
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        head.Append(length is { } bytes ? $"Content-Length: {bytes}\r\n\r\n" : "Connection: close\r\n\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.ToString()), _over.Token);
    }
}

/// <summary>A file as the server gives it, with its faults.</summary>
public sealed class ServedFile
{
    private readonly Action<long, Span<byte>> _fill;
    private readonly ConcurrentQueue<int> _failures = new();

    public ServedFile(byte[] content)
        : this(content.Length, (at, bytes) => content.AsSpan((int)at, bytes.Length).CopyTo(bytes))
    {
    }

    public ServedFile(long size, Action<long, Span<byte>> fill) => (Size, _fill) = (size, fill);

    public long Size { get; }

    public int Status { get; init; } = 200;

    public string? ETag { get; init; } = "\"one\"";

    public bool HasRanges { get; init; } = true;

    /// <summary>Says how long its answers are.</summary>
    public bool HasLength { get; init; } = true;

    /// <summary>How many bytes more than there are it says there are.</summary>
    public long LiesBy { get; init; }

    public string? RedirectsTo { get; init; }

    /// <summary>Every answer breaks off after so many bytes.</summary>
    public long? CutsAfter { get; init; }

    /// <summary>Every answer says nothing more after so many bytes.</summary>
    public long? StallsAfter { get; init; }

    public int? BytesPerSecond { get; init; }

    public ImmutableArray<(string Name, string Value)> Headers { get; init; } = [];

    /// <summary>From now on every answer breaks off.</summary>
    public bool IsCut { get; set; }

    /// <summary>The next requests are answered with these statuses.</summary>
    public ServedFile FailsFirst(params int[] statuses)
    {
        foreach (var status in statuses)
        {
            _failures.Enqueue(status);
        }

        return this;
    }

    public void Fill(long at, Span<byte> bytes) => _fill(at, bytes);

    internal int? TakeFailure() => _failures.TryDequeue(out var status) ? status : null;
}

/// <summary>A request as the server got it.</summary>
public sealed record ServedRequest(string Method, string Path, string Query, ImmutableDictionary<string, string> Headers, byte[] Body)
{
    /// <summary>First and last byte asked for; the first is −1 where all are.</summary>
    public (long First, long? Last) Range
    {
        get
        {
            if (Headers.GetValueOrDefault("Range") is not { } range)
            {
                return (-1, null);
            }

            var ends = range["bytes=".Length..].Split('-');
            return (long.Parse(ends[0], CultureInfo.InvariantCulture), ends[1].Length > 0 ? long.Parse(ends[1], CultureInfo.InvariantCulture) : null);
        }
    }
}
