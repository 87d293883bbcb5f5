namespace Berth.Node.Work;

/// <summary>
/// Tries at a server that may be away, shared by all that speak to it: it says once that the server is lost and once that it is back, however many wait.
/// </summary>
internal sealed class ServerPatience(NodeLog log, TimeProvider time, Func<double> chance)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private readonly Lock _telling = new();
    private long? _awaySince;

    /// <summary>Whether it answered when it was last spoken to.</summary>
    public bool IsServerThere
    {
        get
        {
            lock (_telling)
            {
                return _awaySince is null;
            }
        }
    }

    /// <summary>The pauses of one who asks for one thing.</summary>
    public Pauses Begin() => new(this);

    private Task LostAsync(string why, TimeSpan most, CancellationToken ct)
    {
        var pause = most * (1 - (chance() / 4));
        lock (_telling)
        {
            if (_awaySince is null)
            {
                _awaySince = time.GetTimestamp();
                log.Say($"Lost the server, trying again in {pause.TotalSeconds:0} s and then on and on. {why}");
            }
        }

        return Task.Delay(pause, time, ct);
    }

    private void Found()
    {
        lock (_telling)
        {
            if (_awaySince is { } since)
            {
                _awaySince = null;
                log.Say($"The server is back after {time.GetElapsedTime(since).TotalSeconds:0} s.");
            }
        }
    }

    /// <summary>Growing pauses, never the same for all nodes, until a try succeeds.</summary>
    internal sealed class Pauses(ServerPatience server)
    {
        private TimeSpan _next = Shortest;

        /// <summary>A try failed; returns when the next may be made.</summary>
        public Task WaitAsync(string why, CancellationToken ct)
        {
            var most = _next;
            _next = most * 2 < Longest ? most * 2 : Longest;
            return server.LostAsync(why, most, ct);
        }

        /// <summary>A try succeeded.</summary>
        public void Over()
        {
            _next = Shortest;
            server.Found();
        }
    }
}
