namespace Berth.Node.Work;

/// <summary>How a node leaves: first it takes nothing new, then what still runs must end, then containers get no more grace.</summary>
public sealed class NodeExit(TimeProvider time) : IDisposable
{
    private readonly CancellationTokenSource _draining = new();
    private readonly CancellationTokenSource _stopping = new(Timeout.InfiniteTimeSpan, time);
    private readonly CancellationTokenSource _atOnce = new();

    /// <summary>From here on no work is asked for.</summary>
    public CancellationToken Draining => _draining.Token;

    /// <summary>From here on what runs is brought to an end and handed back.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>From here on containers are killed.</summary>
    public CancellationToken AtOnce => _atOnce.Token;

    /// <summary>Takes nothing new; what runs has that long, or as long as it needs when null.</summary>
    public void Drain(TimeSpan? within)
    {
        if (within is { } most)
        {
            _stopping.CancelAfter(most);
        }

        _draining.Cancel();
    }

    /// <summary>Ends what runs, now.</summary>
    public void Stop()
    {
        _draining.Cancel();
        _stopping.Cancel();
    }

    /// <summary>Leaves no more grace.</summary>
    public void Hurry()
    {
        Stop();
        _atOnce.Cancel();
    }

    public void Dispose()
    {
        _draining.Dispose();
        _stopping.Dispose();
        _atOnce.Dispose();
    }
}
