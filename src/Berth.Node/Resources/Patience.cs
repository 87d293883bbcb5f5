namespace Berth.Node.Resources;

/// <summary>How often something that fails is tried again, and after which pauses. Whatever goes forward gives the whole of it back.</summary>
internal sealed class Patience(DownloadPace pace, TimeProvider time)
{
    private int _failures;

    /// <summary>Something came of the last try.</summary>
    public void Renew() => _failures = 0;

    /// <summary>Waits for the next try.</summary>
    /// <exception cref="ResourceException">There were enough of them.</exception>
    public async Task WaitAsync(ResourceException failure, CancellationToken ct)
    {
        if (++_failures >= pace.Tries)
        {
            throw new ResourceException(ResourceFault.Unavailable, $"{failure.Message} Tried {_failures} times.", failure);
        }

        var pause = Min(pace.FirstPause * Math.Pow(2, _failures - 1), pace.LongestPause);
        var asked = failure.RetryAfter is { } after ? Min(after, pace.LongestPause) : TimeSpan.Zero;
        await Task.Delay((asked > pause ? asked : pause) * (1 + (Random.Shared.NextDouble() / 4)), time, ct);
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
