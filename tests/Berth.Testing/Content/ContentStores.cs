using Berth.Market.Content;

namespace Berth.Testing.Content;

/// <summary>Asks a store that a test names.</summary>
public static class ContentStores
{
    /// <summary>Whether it takes anything.</summary>
    public static async Task ProbeAsync(ContentPlace place)
    {
        await using var store = place.Open(TimeProvider.System);
        await store.ProbeAsync(CancellationToken.None);
    }
}
