using Microsoft.Extensions.Time.Testing;

namespace Berth.Testing.Runs;

/// <summary>A clock that a test turns. Waits no longer than <see cref="Hurries"/> it passes by itself as soon as somebody begins one.</summary>
public sealed class TestClock : FakeTimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<TimeSpan> _begun = [];
    private TaskCompletionSource _another = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TimeSpan Hurries { get; init; }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime > TimeSpan.Zero && dueTime <= Hurries)
        {
            ThreadPool.QueueUserWorkItem(_ => Advance(dueTime));
        }

        lock (_gate)
        {
            _begun.Add(dueTime);
            _another.TrySetResult();
            _another = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        return timer;
    }

    /// <summary>Turns the clock by that length once somebody waits for exactly it; each wait is passed once.</summary>
    public async Task PassAsync(TimeSpan wait)
    {
        await UntilWaitedForAsync(wait);
        Advance(wait);
    }

    public async Task UntilWaitedForAsync(TimeSpan wait)
    {
        while (true)
        {
            Task another;
            lock (_gate)
            {
                if (_begun.Remove(wait))
                {
                    return;
                }

                another = _another.Task;
            }

            await another.WaitAsync(TestRun.Patience);
        }
    }
}
