namespace Berth.Node.Resources;

/// <summary>A body under way. A server that falls silent, or gives so little that it might as well be, is a broken connection; so is a body that ends too soon.</summary>
internal sealed class AttentiveStream(Stream body, string from, DownloadPace pace, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private CancellationTokenSource _silence = new(pace.Silence, time);
    private long _windowSince = time.GetTimestamp();
    private long _inWindow;
    private ResourceException? _broken;

    /// <summary>The next bytes; none at the end.</summary>
    /// <exception cref="ResourceException">The connection broke, or might as well have.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken ct)
    {
        if (_broken is not null)
        {
            throw _broken;
        }

        Rearm();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, _silence.Token);
        int read;
        try
        {
            read = await body.ReadAsync(buffer, either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw Broken($"sent nothing for {pace.Silence.TotalSeconds:0} s", null);
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException)
        {
            ct.ThrowIfCancellationRequested();
            throw Broken("broke off its answer", broken);
        }

        _inWindow += read;
        var elapsed = time.GetElapsedTime(_windowSince);
        if (elapsed >= Window)
        {
            if (_inWindow < pace.SlowestRate * elapsed.TotalSeconds && read > 0)
            {
                throw Broken($"sends less than {pace.SlowestRate} bytes in a second", null);
            }

            (_windowSince, _inWindow) = (time.GetTimestamp(), 0);
        }

        return read;
    }

    public async ValueTask DisposeAsync()
    {
        _silence.Dispose();
        await body.DisposeAsync();
    }

    // Whoever reads on after a break must not take it for the end.
    private ResourceException Broken(string what, Exception? why) => _broken = new(ResourceFault.Unavailable, $"{from} {what}.", why);

    private void Rearm()
    {
        if (!_silence.TryReset())
        {
            _silence.Dispose();
            _silence = new CancellationTokenSource(pace.Silence, time);
            return;
        }

        _silence.CancelAfter(pace.Silence);
    }
}
