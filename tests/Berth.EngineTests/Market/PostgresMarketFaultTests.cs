using Berth.Testing.Network;

namespace Berth.EngineTests.Market;

/// <summary>The same faults with PostgreSQL, and simulated nodes that ask two servers.</summary>
public sealed class PostgresMarketFaultTests : MarketFaultTests
{
    protected override async Task<TestNetwork> StartAsync() => await TestNetwork.StartAsync(await PostgresServer.NewDatabaseAsync());

    protected override async Task<Uri?> OtherServerAsync(TestNetwork network) => await network.AddServerAsync();
}
