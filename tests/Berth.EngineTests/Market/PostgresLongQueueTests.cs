using Berth.Testing.Network;
using Xunit;

namespace Berth.EngineTests.Market;

[CollectionDefinition(nameof(PostgresLongQueueTests), DisableParallelization = true)]
[Collection(nameof(PostgresLongQueueTests))]
public sealed class PostgresLongQueueTests(ITestOutputHelper output) : LongQueueTests(output)
{
    private string? _database;

    protected override async Task<TestNetwork> StartAsync() => await TestNetwork.StartAsync(_database = await PostgresServer.NewDatabaseAsync());

    protected override Task LearnAsync(TestNetwork network) => PostgresServer.ExecuteAsync(_database!, "vacuum analyze");

    protected override async Task<IReadOnlyList<string>> WholeReadsAsync(TestNetwork network)
    {
        await network.AskAsync("select pg_stat_force_next_flush()");
        return await network.AskAsync("select relname, seq_scan from pg_stat_user_tables where relname in ('jobs', 'runs', 'job_events') order by relname");
    }
}
