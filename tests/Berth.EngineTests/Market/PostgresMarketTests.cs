using Berth.Testing.Network;

namespace Berth.EngineTests.Market;

public sealed class PostgresMarketTests : MarketTests
{
    protected override async Task<TestNetwork> StartAsync() => await TestNetwork.StartAsync(await PostgresServer.NewDatabaseAsync());
}
