using System.Diagnostics;
using Xunit;

namespace Berth.Testing.Network;

/// <summary>Asks again and again until something is so, for at most so long.</summary>
public static class Until
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task SoAsync(Func<Task<bool>> look, string what)
    {
        for (var watch = Stopwatch.StartNew(); !await look(); await Task.Delay(TimeSpan.FromMilliseconds(5)))
        {
            Assert.True(watch.Elapsed < Patience, $"Waited {Patience.TotalSeconds:0} s in vain for {what}.");
        }
    }
}
