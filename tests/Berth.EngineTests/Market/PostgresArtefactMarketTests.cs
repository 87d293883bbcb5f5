using Berth.Server;
using Berth.Testing.Network;

namespace Berth.EngineTests.Market;

public sealed class PostgresArtefactMarketTests : ArtefactMarketTests
{
    protected override async Task<TestNetwork> StartAsync(Action<ServerOptions>? configure = null) => await TestNetwork.StartAsync(await PostgresServer.NewDatabaseAsync(), configure);
}
