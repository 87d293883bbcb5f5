using Berth.Testing.Network;

namespace Berth.Tests.Market;

public sealed class SqliteSealedJobTests : SealedJobTests
{
    protected override Task<TestNetwork> StartAsync() => TestNetwork.StartAsync();
}
