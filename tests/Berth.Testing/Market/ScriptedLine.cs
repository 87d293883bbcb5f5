namespace Berth.Testing.Market;

/// <summary>One process's way to the market. After <see cref="Die"/> nothing gets through it any more, in either direction.</summary>
public sealed class ScriptedLine(ScriptedMarket market) : HttpMessageHandler
{
    private int _underWay;
    private volatile bool _isDead;

    /// <summary>Called before a request gets to the market and after the market has acted on it, with how many there were of both.</summary>
    public Action<int>? Passing { get; init; }

    private int _passed;

    /// <summary>How often something passed, in either direction.</summary>
    public int Passed => Volatile.Read(ref _passed);

    /// <summary>Returns when what is with the market already has been acted upon.</summary>
    public void Die()
    {
        _isDead = true;
        SpinWait.SpinUntil(() => Volatile.Read(ref _underWay) == 0);
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        Pass();
        var answering = Begin(request, cancellationToken);
        if (answering is null)
        {
            await StayAliveAsync();
        }

        var answer = await answering!;
        Pass();
        await StayAliveAsync();
        return answer;
    }

    private Task<HttpResponseMessage>? Begin(HttpRequestMessage request, CancellationToken ct)
    {
        Interlocked.Increment(ref _underWay);
        try
        {
            return _isDead ? null : market.AnswerAsync(request, ct);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    private void Pass()
    {
        if (!_isDead)
        {
            var count = Interlocked.Increment(ref _passed);
            Passing?.Invoke(count);
        }
    }

    private Task StayAliveAsync() => _isDead ? new TaskCompletionSource().Task : Task.CompletedTask;
}
