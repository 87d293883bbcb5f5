using Berth.Containers;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>What to do when the engine stops answering in the middle of a run: wait for it, for so long, and say so once. A mere break of one answer is passed over.</summary>
internal sealed class EngineOutage(IContainerEngine engine, RunJournal journal, TimeSpan patience, TimeProvider time)
{
    private const int Tries = 5;
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);
    private readonly Lock _sharing = new();
    private Task _back = Task.CompletedTask;

    /// <summary>When the engine was last found back, or null when it never was away.</summary>
    public DateTimeOffset? BackAt { get; private set; }

    /// <summary>Returns when the engine answers again.</summary>
    /// <exception cref="EngineException">It did not come back in time.</exception>
    public Task WaitUntilBackAsync(EngineException seen, CancellationToken ct)
    {
        lock (_sharing)
        {
            if (_back.IsCompleted)
            {
                _back = ComeBackAsync(seen);
            }

            return _back.WaitAsync(ct);
        }
    }

    /// <summary>Does what may be done twice, again when the engine went away over it and came back.</summary>
    /// <exception cref="EngineException">It did not come back in time, or goes away every time.</exception>
    public async Task<T> PatientlyAsync<T>(Func<Task<T>> act, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await act();
            }
            catch (EngineException away) when (away.Fault == EngineFault.Unreachable && attempt < Tries)
            {
                await WaitUntilBackAsync(away, ct);
            }
        }
    }

    private async Task ComeBackAsync(EngineException seen)
    {
        if (await FaultAsync() is null)
        {
            return;
        }

        var since = time.GetTimestamp();
        journal.Note(new Notice(NoticeLevel.Warning, $"The container engine does not answer; waiting up to {patience.TotalSeconds:0} s for it to come back."));
        for (var pause = TimeSpan.FromMilliseconds(100); time.GetElapsedTime(since) < patience; pause = Min(pause * 2, LongestPause))
        {
            await Task.Delay(pause, time);
            if (await FaultAsync() is { } away)
            {
                seen = away;
                continue;
            }

            BackAt = time.GetUtcNow();
            journal.Note(new Notice(NoticeLevel.Warning, $"The engine was away for {time.GetElapsedTime(since).TotalSeconds:0.0} s; what containers printed meanwhile may be missing."));
            return;
        }

        throw new EngineException(EngineFault.Unreachable, $"The container engine did not come back within {patience.TotalSeconds:0} s. {seen.Message}", seen);
    }

    private async Task<EngineException?> FaultAsync()
    {
        try
        {
            await engine.DescribeAsync(CancellationToken.None);
            return null;
        }
        catch (EngineException away) when (away.Fault == EngineFault.Unreachable)
        {
            return away;
        }
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
