using System.Threading.Channels;

namespace Berth.Market.Storage;

/// <summary>
/// Wakes those who wait for something to happen under a key, in this process at once and in others through the database. A wake-up is a hint: who is woken looks
/// for itself, and looks now and then without one.
/// </summary>
internal sealed class Wakeups(TimeProvider time)
{
    private readonly Lock _waitersLock = new();
    private readonly Dictionary<string, HashSet<Waiter>> _waiters = [];

    // Keys to tell other processes of. Full means they find out a little later by themselves.
    private readonly Channel<string> _outgoing =
        Channel.CreateBounded<string>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    public ChannelReader<string> Outgoing => _outgoing.Reader;

    /// <summary>Begins to listen under the key; what happens from now on is not missed.</summary>
    public Waiter Listen(string key)
    {
        var waiter = new Waiter(this, key, time);
        lock (_waitersLock)
        {
            if (!_waiters.TryGetValue(key, out var all))
            {
                _waiters[key] = all = [];
            }

            all.Add(waiter);
        }

        return waiter;
    }

    /// <summary>Something happened under the keys, and it is committed.</summary>
    public void Wake(IReadOnlyList<string> keys)
    {
        foreach (var key in keys)
        {
            WakeHere(key);
            _outgoing.Writer.TryWrite(key);
        }
    }

    /// <summary>Another process told of the key.</summary>
    public void WakeHere(string key)
    {
        lock (_waitersLock)
        {
            foreach (var waiter in _waiters.GetValueOrDefault(key) ?? [])
            {
                waiter.Signal();
            }
        }
    }

    /// <summary>Everybody looks: after the database was away nobody knows what was missed.</summary>
    public void WakeAll()
    {
        lock (_waitersLock)
        {
            foreach (var waiter in _waiters.Values.SelectMany(all => all))
            {
                waiter.Signal();
            }
        }
    }

    private void Forget(Waiter waiter)
    {
        lock (_waitersLock)
        {
            if (_waiters.TryGetValue(waiter.Key, out var all) && all.Remove(waiter) && all.Count == 0)
            {
                _waiters.Remove(waiter.Key);
            }
        }
    }

    /// <summary>One who waits under a key.</summary>
    internal sealed class Waiter(Wakeups owner, string key, TimeProvider time) : IDisposable
    {
        private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

        public string Key => key;

        public void Signal() => _signal.Writer.TryWrite(true);

        /// <summary>Returns when something happened since the last wait, or the time is over.</summary>
        public async Task WaitAsync(TimeSpan most, CancellationToken ct)
        {
            if (_signal.Reader.TryRead(out _))
            {
                return;
            }

            using var late = new CancellationTokenSource(most > TimeSpan.Zero ? most : TimeSpan.Zero, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
            try
            {
                await _signal.Reader.ReadAsync(either.Token);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                // The time is over.
            }
        }

        public void Dispose() => owner.Forget(this);
    }
}
