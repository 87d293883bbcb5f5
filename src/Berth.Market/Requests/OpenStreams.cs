using Berth.Protocol;

namespace Berth.Market.Requests;

/// <summary>Counts the event streams that everybody holds open, so that nobody holds too many.</summary>
internal sealed class OpenStreams(MarketOptions options)
{
    private readonly Lock _countsLock = new();
    private readonly Dictionary<string, int> _counts = [];

    /// <summary>A place for one stream, until it is disposed; everybody at one network address shares those of a few callers.</summary>
    /// <exception cref="RefusedException">The caller has too many open.</exception>
    public IDisposable Enter(string caller, int callers = 1)
    {
        lock (_countsLock)
        {
            var open = _counts.GetValueOrDefault(caller);
            if (open >= (long)options.OpenStreams * callers)
            {
                throw new RefusedException(ProblemTypes.TooMany, $"You have {open} event streams open, the most one caller may have here; close some.");
            }

            _counts[caller] = open + 1;
        }

        return new Place(this, caller);
    }

    private void Leave(string caller)
    {
        lock (_countsLock)
        {
            if (--_counts[caller] == 0)
            {
                _counts.Remove(caller);
            }
        }
    }

    private sealed class Place(OpenStreams streams, string caller) : IDisposable
    {
        public void Dispose() => streams.Leave(caller);
    }
}
