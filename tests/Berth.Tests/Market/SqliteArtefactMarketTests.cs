using Berth.Server;
using Berth.Testing.Network;

namespace Berth.Tests.Market;

public sealed class SqliteArtefactMarketTests : ArtefactMarketTests
{
    protected override Task<TestNetwork> StartAsync(Action<ServerOptions>? configure = null) => TestNetwork.StartAsync(configure: configure);
}
