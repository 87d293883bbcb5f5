using System.Diagnostics;

namespace Berth.EndToEndTests.Lab;

/// <summary>Waits for something to become so, asking again and again, for at most so long.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(30);

    public static async Task<T> IsAsync<T>(Func<T?> look, string what, Func<string>? otherwise = null)
        where T : class
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < Limit; await Task.Delay(Pace))
        {
            if (look() is { } found)
            {
                return found;
            }
        }

        Assert.Fail($"Waited {Limit.TotalSeconds:0} s in vain for {what}.\n{otherwise?.Invoke()}");
        throw new UnreachableException();
    }
}
