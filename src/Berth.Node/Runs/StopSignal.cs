using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>Somebody wants a run, or one operation of it, to end: the first reason counts, and the second request means at once.</summary>
public sealed class StopSignal : IDisposable
{
    private readonly Lock _reasonLock = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly CancellationTokenSource _atOnce = new();
    private readonly CancellationTokenRegistration _followsEnd;
    private readonly CancellationTokenRegistration _followsHurry;

    public StopSignal()
    {
    }

    /// <summary>A signal that also goes off when the one of the whole run does.</summary>
    public StopSignal(StopSignal whole)
    {
        _followsEnd = whole.Ended.Register(() => Request(whole.Reason ?? StopReason.StoppedByClient));
        _followsHurry = whole.AtOnce.Register(_atOnce.Cancel);
    }

    /// <summary>Cancelled from the first request on: containers are asked to end.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Cancelled when there is no more grace: containers are killed.</summary>
    public CancellationToken AtOnce => _atOnce.Token;

    public StopReason? Reason { get; private set; }

    /// <summary>True when this request was the first.</summary>
    public bool Request(StopReason reason)
    {
        lock (_reasonLock)
        {
            if (Reason is not null)
            {
                return false;
            }

            Reason = reason;
        }

        _ended.Cancel();
        return true;
    }

    /// <summary>Leaves no more grace.</summary>
    public void Hurry() => _atOnce.Cancel();

    public void Dispose()
    {
        _followsEnd.Dispose();
        _followsHurry.Dispose();
        _ended.Dispose();
        _atOnce.Dispose();
    }
}
