using Berth.Testing.Network;

namespace Berth.Tests.Market;

public sealed class SqliteMarketFaultTests : MarketFaultTests
{
    protected override Task<TestNetwork> StartAsync() => TestNetwork.StartAsync();
}
