namespace Berth.Node.Runs;

/// <summary>Waits of any length: a timer holds some weeks, a definition may ask for years.</summary>
internal static class LongWait
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    public static async Task ForAsync(TimeSpan length, TimeProvider time, CancellationToken ct)
    {
        for (; length > Longest; length -= Longest)
        {
            await Task.Delay(Longest, time, ct);
        }

        await Task.Delay(length > TimeSpan.Zero ? length : TimeSpan.Zero, time, ct);
    }
}
