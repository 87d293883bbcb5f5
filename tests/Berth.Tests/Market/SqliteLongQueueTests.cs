using Berth.Testing.Network;
using Xunit;

namespace Berth.Tests.Market;

[CollectionDefinition(nameof(SqliteLongQueueTests), DisableParallelization = true)]
[Collection(nameof(SqliteLongQueueTests))]
public sealed class SqliteLongQueueTests(ITestOutputHelper output) : LongQueueTests(output)
{
    protected override Task<TestNetwork> StartAsync() => TestNetwork.StartAsync();
}
