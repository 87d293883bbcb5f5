namespace Berth.Node.Runs;

/// <summary>Tells a run under way that it may take longer; a shorter time than before says nothing.</summary>
public sealed class RunExtension
{
    private readonly Lock _gate = new();
    private TimeSpan _most;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The job may take so long in all.</summary>
    public void Allow(TimeSpan most)
    {
        lock (_gate)
        {
            if (most > _most)
            {
                _most = most;
                _changed.TrySetResult();
                _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    /// <summary>The time allowed, as soon as it is longer than <paramref name="known"/>.</summary>
    internal async Task<TimeSpan> BeyondAsync(TimeSpan known, CancellationToken over)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_most > known)
                {
                    return _most;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(over);
        }
    }
}
