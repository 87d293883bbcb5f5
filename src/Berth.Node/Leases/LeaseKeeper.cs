using Berth.Node.Runs;
using Berth.Node.Work;
using Berth.Protocol;

namespace Berth.Node.Leases;

/// <summary>
/// Keeps one lease in force. It counts from the moment a renewal was sent, on the monotonic clock, so an answer on a slow way never makes the node believe in a lease that is
/// over. While the run goes on, a lease that cannot be proven in time is lost.
/// </summary>
internal sealed class LeaseKeeper(StoredLease stored, RunFolder folder, NodeScope scope)
{
    // A timer holds some weeks, a lease may be of any length.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(30);
    private readonly ServerPatience.Pauses _pauses = scope.Server.Begin();
    private TimeSpan _length = TimeSpan.FromSeconds(stored.Lease.LeaseSeconds);
    private TimeSpan _until = stored.Until;
    private long _control;
    private volatile bool _hasEnded;

    /// <summary>How long the lease is certain to be in force yet.</summary>
    public TimeSpan Left => _until - Now(scope.Time);

    // What containers need to end in good order must fit before the lease is over.
    private TimeSpan Margin => Min(_length / 6, scope.Limits.StopGrace);

    /// <summary>Where the machine's monotonic clock stands.</summary>
    public static TimeSpan Now(TimeProvider time) => time.GetElapsedTime(0);

    /// <summary>The run is over: there is nothing to stop any more, and only the market's own word can take the lease away.</summary>
    public void RunHasEnded() => _hasEnded = true;

    /// <summary>Nothing is known of the lease's time: it is taken as lost unless the market says otherwise within the patience.</summary>
    public void DoubtFor(TimeSpan patience) => _until = Now(scope.Time) + patience + Margin;

    /// <summary>Renews at once, which by the first time accepts the lease. Null, or the sentence that says why it is lost.</summary>
    public Task<string?> ProveAsync(Action<Renewal> heed, CancellationToken over) => RenewAsync(TimeSpan.Zero, heed, over);

    /// <summary>Renews until the run is <paramref name="settled"/>, which is null, or until the lease is lost, which is the sentence that says why.</summary>
    public async Task<string?> KeepAsync(Action<Renewal> heed, CancellationToken settled)
    {
        try
        {
            while (true)
            {
                var (control, wait, since) = (_control, _length / 3, scope.Time.GetTimestamp());
                if (await RenewAsync(wait, heed, settled) is { } loss)
                {
                    return loss;
                }

                // A server that answers before its time and has nothing to say is not asked again the sooner for it.
                if (_control == control && scope.Time.GetElapsedTime(since) is var early && early < wait / 2)
                {
                    await Task.Delay(wait - early, scope.Time, settled);
                }
            }
        }
        catch (OperationCanceledException) when (settled.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task<string?> RenewAsync(TimeSpan wait, Action<Renewal> heed, CancellationToken over)
    {
        while (true)
        {
            var left = _hasEnded ? _length : Left - Margin;
            if (left <= TimeSpan.Zero)
            {
                return "It could not be renewed before it ran out.";
            }

            using var late = new CancellationTokenSource(Min(left, LongestTimer), scope.Time);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(late.Token, over);
            try
            {
                var sent = Now(scope.Time);
                var renewal = await scope.Client.RenewAsync(
                    stored.Lease.Run,
                    new RenewalRequest { Fence = stored.Lease.Fence, Control = _control, WaitSeconds = wait.TotalSeconds },
                    wait + (_length / 6),
                    limit.Token);
                _pauses.Over();
                Renewed(sent, renewal);
                heed(renewal);
                return null;
            }
            catch (MarketException no) when (no.TakesTheRunAway)
            {
                _until = TimeSpan.Zero;
                return no.Message;
            }
            catch (MarketException away)
            {
                wait = TimeSpan.Zero;
                await PauseAsync(away, limit.Token, over);
            }
            catch (OperationCanceledException) when (!over.IsCancellationRequested)
            {
                // Late, and the time that is left says so.
            }
        }
    }

    private async Task PauseAsync(MarketException away, CancellationToken limit, CancellationToken over)
    {
        try
        {
            await _pauses.WaitAsync(away.Message, limit);
        }
        catch (OperationCanceledException) when (!over.IsCancellationRequested)
        {
            // Late.
        }
    }

    private void Renewed(TimeSpan sent, Renewal renewal)
    {
        _length = TimeSpan.FromSeconds(renewal.LeaseSeconds);
        _until = sent + _length;
        _control = renewal.Control;
        try
        {
            (stored with { BootId = scope.BootId, Until = _until }).Save(folder, flushToDisk: false);
        }
        catch (IOException)
        {
            // Who reads the older time after a crash asks the market before it goes on.
        }
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
