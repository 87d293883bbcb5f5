using Berth.Testing.Network;

namespace Berth.EngineTests.Market;

public sealed class PostgresSealedJobTests : SealedJobTests
{
    protected override async Task<TestNetwork> StartAsync() => await TestNetwork.StartAsync(await PostgresServer.NewDatabaseAsync());
}
