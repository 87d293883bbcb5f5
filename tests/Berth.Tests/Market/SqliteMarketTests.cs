using Berth.Testing.Network;

namespace Berth.Tests.Market;

public sealed class SqliteMarketTests : MarketTests
{
    protected override Task<TestNetwork> StartAsync() => TestNetwork.StartAsync();
}
