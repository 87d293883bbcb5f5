using System.Collections.Concurrent;
using System.Net;
using Berth.Jobs;
using Berth.Protocol;
using Berth.Testing.Network;
using Xunit;

namespace Berth.EngineTests.Market;

/// <summary>The real server killed, its database taken away, its disk filled: what was acknowledged is there, nothing is half done, and it recovers by itself.</summary>
public sealed class ServerFaultTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("berth-server-");

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    [Trait("Category", "Long")]
    public async Task After_kills_under_load_every_acknowledged_job_exists_exactly_once(string database)
    {
        await using var server = await ServerProcess.StartAsync(_folder.FullName, await DatabaseAsync(database));
        using var client = await server.FoundAsync();
        await server.NodeAsync();
        var acknowledged = new ConcurrentDictionary<JobId, int>();
        using var enough = new CancellationTokenSource();
        var posters = Enumerable.Range(0, 8).Select(_ => PostAsync(server, client, acknowledged, enough.Token)).ToList();

        foreach (var mark in new[] { 100, 250, 400 })
        {
            await Until.SoAsync(() => Task.FromResult(acknowledged.Count >= mark), $"{mark} acknowledged jobs");
            await server.KillAsync();
            await server.StartAsync();
        }

        await Until.SoAsync(() => Task.FromResult(acknowledged.Count >= 500), "500 acknowledged jobs");
        await enough.CancelAsync();
        await Task.WhenAll(posters);

        // A post that was cut off may have come to be all the same; one that was acknowledged is there, and none is there twice.
        var jobs = await AllAsync(server, client);
        Assert.Equal(jobs.Count, jobs.Distinct().Count());
        Assert.Empty(acknowledged.Keys.Except(jobs));
        Assert.InRange(jobs.Count, acknowledged.Count, acknowledged.Count + 8);
        var check = await server.CheckAsync();
        Assert.True(check.Code == 0, check.Said);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    [Trait("Category", "Long")]
    public async Task A_run_goes_on_over_the_death_of_the_server_and_its_report_counts_once(string database)
    {
        await using var server = await ServerProcess.StartAsync(_folder.FullName, await DatabaseAsync(database));
        using var client = await server.FoundAsync();
        var node = await server.NodeAsync();
        using var market = server.Connect(client);
        for (var round = 0; round < 3; round++)
        {
            var job = (await market.PostAsync(TestNetwork.APost(), CancellationToken.None)).Facts.Job;
            var lease = await node.StartAsync();
            var report = AgainAsync(() => node.FinishAsync(lease));
            await server.KillAsync();
            await server.StartAsync();

            Assert.True((await report).IsSettled);
            Assert.Equal((JobOutcome.Succeeded, 1), (await market.GetJobAsync(job, CancellationToken.None)).Facts is { } facts ? (facts.Outcome, facts.Attempt) : default);
        }

        var check = await server.CheckAsync();
        Assert.True(check.Code == 0, check.Said);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task A_request_from_before_the_servers_death_is_a_replay_after_it(string database)
    {
        await using var server = await ServerProcess.StartAsync(_folder.FullName, await DatabaseAsync(database));
        using var client = await server.FoundAsync();
        var post = System.Text.Json.JsonSerializer.Serialize(TestNetwork.APost() with { WaitForFit = true }, WireJson.Answers.JobPost);
        using var request = SignedOnce.Request(server.Address, client, TimeProvider.System.GetUtcNow(), HttpMethod.Post, "api/v1/jobs", post);

        Assert.Equal(201, await SignedOnce.SendAsync(request, server.Address));
        await server.KillAsync();
        await server.StartAsync();

        Assert.Equal(401, await SignedOnce.SendAsync(request, server.Address));
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_PostgreSQL_that_goes_away_and_comes_back_fails_requests_cleanly_and_all_recovers_by_itself()
    {
        var lab = Lab.Folder($"pgaway{Environment.ProcessId}");
        var port = $"{PostgresServer.FreePort()}";
        try
        {
            var database = (await Lab.RunAsync("lab/postgres", ["up", lab, port]))["connection"];
            await using var one = await ServerProcess.StartAsync(_folder.FullName, database);
            using var client = await one.FoundAsync();
            await using var two = await ServerProcess.StartAsync(_folder.FullName, database);
            var node = await one.NodeAsync();
            using var market = one.Connect(client);
            var job = (await market.PostAsync(TestNetwork.APost(), CancellationToken.None)).Facts.Job;
            var lease = await node.StartAsync();
            var acknowledged = new ConcurrentDictionary<JobId, int>();
            using var enough = new CancellationTokenSource();
            var posters = Enumerable.Range(0, 4).Select(_ => PostAsync(one, client, acknowledged, enough.Token)).ToList();

            foreach (var mode in new[] { "fast", "immediate" })
            {
                var before = acknowledged.Count;
                await Until.SoAsync(() => Task.FromResult(acknowledged.Count > before + 20), "some jobs");
                await Lab.RunAsync("lab/postgres", ["stop", lab, mode]);
                Assert.Equal(503, await one.HealthAsync("ready"));
                Assert.Equal(200, await one.HealthAsync("live"));
                var away = await Assert.ThrowsAsync<MarketException>(() => market.GetJobAsync(job, CancellationToken.None));
                Assert.Equal((HttpStatusCode.ServiceUnavailable, ProblemTypes.Unavailable, true), (away.Status, away.Code, away.IsTransient));
                await Lab.RunAsync("lab/postgres", ["up", lab, port]);
                await Until.SoAsync(async () => await one.HealthAsync("ready") == 200 && await two.HealthAsync("ready") == 200, "the servers to be ready");
            }

            var after = acknowledged.Count;
            await Until.SoAsync(() => Task.FromResult(acknowledged.Count > after + 20), "more jobs");
            await enough.CancelAsync();
            await Task.WhenAll(posters);

            // The run is as it was, and the servers hear of each other again.
            Assert.Equal(1, (await market.GetJobAsync(job, CancellationToken.None)).Facts.Attempt);
            await node.RenewAsync(lease);
            await HearsAsync(two, client, node, lease, job);
            Assert.True((await node.FinishAsync(lease)).IsSettled);
            Assert.Empty(acknowledged.Keys.Except(await AllAsync(one, client)));
            var check = await one.CheckAsync();
            Assert.True(check.Code == 0, check.Said);
        }
        finally
        {
            await Lab.RunAsync("lab/postgres", ["down", lab]);
        }
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_PostgreSQL_that_may_only_be_read_turns_readiness_red_until_it_may_be_written()
    {
        var database = await PostgresServer.NewDatabaseAsync();
        await using var server = await ServerProcess.StartAsync(_folder.FullName, database);
        using var client = await server.FoundAsync();
        await server.NodeAsync();
        using var market = server.Connect(client);

        await PostgresServer.ExecuteAsync(database, $"alter database {database[(database.LastIndexOf('=') + 1)..]} set default_transaction_read_only = on");
        await PostgresServer.ExecuteAsync(database, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");

        await Until.SoAsync(async () => await server.HealthAsync("ready") == 503, "readiness to turn red");
        Assert.Equal(ProblemTypes.Unavailable, (await Assert.ThrowsAsync<MarketException>(() => market.PostAsync(TestNetwork.APost(), CancellationToken.None))).Code);
        Assert.NotEmpty((await market.ListMarketsAsync(null, CancellationToken.None)).Items);

        await PostgresServer.ExecuteAsync(database, $"alter database {database[(database.LastIndexOf('=') + 1)..]} reset default_transaction_read_only");
        await PostgresServer.ExecuteAsync(database, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");

        await Until.SoAsync(async () => await server.HealthAsync("ready") == 200, "readiness to turn green");
        await market.PostAsync(TestNetwork.APost(), CancellationToken.None);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_full_disk_turns_readiness_red_refuses_cleanly_and_when_there_is_room_again_all_goes_on()
    {
        var disk = Lab.Folder($"disk{Environment.ProcessId}");
        await Lab.RunAsync("lab/disk", ["up", disk, "24M"]);
        try
        {
            var ballast = Path.Combine(disk, "ballast");
            await using var server = await ServerProcess.StartAsync(disk, Path.Combine(disk, "market.db"));
            using var client = await server.FoundAsync();
            await server.NodeAsync();
            using var market = server.Connect(client);
            var acknowledged = new List<JobId> { (await market.PostAsync(TestNetwork.APost(), CancellationToken.None)).Facts.Job };
            Fill(ballast);

            MarketException? refused = null;
            while (refused is null)
            {
                var post = TestNetwork.APost() with { Definition = Large(acknowledged.Count) };
                refused = await RefusalAsync(async () => acknowledged.Add((await market.PostAsync(post, CancellationToken.None)).Facts.Job));
            }

            Assert.Equal((HttpStatusCode.ServiceUnavailable, ProblemTypes.Unavailable, true), (refused.Status, refused.Code, refused.IsTransient));
            Assert.Equal(503, await server.HealthAsync("ready"));
            Assert.NotEmpty((await market.ListJobsAsync(new JobFilter(), CancellationToken.None)).Items);

            File.Delete(ballast);
            await Until.SoAsync(async () => await server.HealthAsync("ready") == 200, "readiness to turn green");
            acknowledged.Add((await market.PostAsync(TestNetwork.APost(), CancellationToken.None)).Facts.Job);
            Assert.Equal(acknowledged.ToHashSet(), (await AllAsync(server, client)).ToHashSet());
            var check = await server.CheckAsync();
            Assert.True(check.Code == 0, check.Said);
        }
        finally
        {
            await Lab.RunAsync("lab/disk", ["down", disk]);
        }
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task When_the_server_that_gave_a_lease_dies_the_other_ends_it_in_its_time()
    {
        var database = await PostgresServer.NewDatabaseAsync();
        await using var one = await ServerProcess.StartAsync(_folder.FullName, database, "--lease", "3");
        using var client = await one.FoundAsync();
        await using var two = await ServerProcess.StartAsync(_folder.FullName, database, "--lease", "3");
        var node = await one.NodeAsync();
        using var market = one.Connect(client);
        var job = (await market.PostAsync(TestNetwork.APost(), CancellationToken.None)).Facts.Job;
        await node.StartAsync();
        var watch = System.Diagnostics.Stopwatch.StartNew();

        await one.KillAsync();

        using var other = two.Connect(client);
        await Until.SoAsync(async () => (await other.GetJobAsync(job, CancellationToken.None)).Facts.State == JobState.Queued, "the job to be in the queue again");
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(8));
        var check = await two.CheckAsync();
        Assert.True(check.Code == 0, check.Said);
    }

    [Fact]
    public async Task The_check_says_by_its_exit_code_whether_all_is_in_order()
    {
        var file = Path.Combine(_folder.FullName, "market.db");
        await using (var server = await ServerProcess.StartAsync(_folder.FullName, file))
        {
            using var client = await server.FoundAsync();
            Assert.Equal((0, "The database is in order.\n"), await server.CheckAsync());
            await server.KillAsync();
            Assert.Equal(0, (await server.CheckAsync()).Code);
        }

        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "text.db"), new string('x', 10_000));
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "empty.db"), "");
        SQLitePCL.Batteries_V2.Init();
        await using (var spoilt = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={file}"))
        {
            await spoilt.OpenAsync();
            await using var command = spoilt.CreateCommand();
            command.CommandText = "update entries set amount = amount + 1 where id = 1";
            await command.ExecuteNonQueryAsync();
        }

        var wrong = await ServerProcess.RunAsync("check", "--database", file);
        Assert.Equal(1, wrong.Code);
        Assert.Contains("The booking 1 sums to 1 micro-NOS instead of 0.", wrong.Said, StringComparison.Ordinal);
        Assert.Equal(2, (await ServerProcess.RunAsync("check", "--database", Path.Combine(_folder.FullName, "none.db"))).Code);
        Assert.Equal(2, (await ServerProcess.RunAsync("check", "--frobnicate")).Code);
        Assert.Equal(2, (await ServerProcess.RunAsync("check", "--lease", "soon")).Code);
        Assert.Equal(4, (await ServerProcess.RunAsync("check", "--database", Path.Combine(_folder.FullName, "text.db"))).Code);
        Assert.Equal(4, (await ServerProcess.RunAsync("check", "--database", Path.Combine(_folder.FullName, "empty.db"))).Code);
        Assert.Equal(4, (await ServerProcess.RunAsync("check", "--database", "postgres://berth@127.0.0.1:1/none")).Code);
    }

    [Fact]
    public async Task What_the_server_cannot_start_with_is_told_by_its_exit_code()
    {
        Assert.Equal(2, (await ServerProcess.RunAsync("--data", _folder.FullName, "--fee", "20000")).Code);
        Assert.Equal(2, (await ServerProcess.RunAsync("--data", _folder.FullName, "--config", "/nowhere.json")).Code);
        Assert.Equal(4, (await ServerProcess.RunAsync("--data", _folder.FullName, "--database", "postgres://berth@127.0.0.1:1/none")).Code);
        await using var server = await ServerProcess.StartAsync(Path.Combine(_folder.FullName, "one"), Path.Combine(_folder.FullName, "one.db"));
        var taken = await ServerProcess.RunAsync("--data", Path.Combine(_folder.FullName, "two"), "--listen", $"{server.Address}");
        Assert.True(taken.Code == 4, taken.Said);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private async Task<string> DatabaseAsync(string kind) => kind == "sqlite" ? Path.Combine(_folder.FullName, "market.db") : await PostgresServer.NewDatabaseAsync();

    /// <summary>Posts job after job, each until it is acknowledged.</summary>
    private static async Task PostAsync(ServerProcess server, Protocol.Identity.SigningKey key, ConcurrentDictionary<JobId, int> acknowledged, CancellationToken enough)
    {
        using var client = server.Connect(key);
        while (!enough.IsCancellationRequested)
        {
            var post = TestNetwork.APost();
            var view = await AgainAsync(() => client.PostAsync(post, CancellationToken.None));
            Assert.True(acknowledged.TryAdd(view.Facts.Job, 0));
        }
    }

    /// <summary>Asks again for as long as the refusal is one that passes.</summary>
    private static async Task<T> AgainAsync<T>(Func<Task<T>> ask)
    {
        for (var watch = System.Diagnostics.Stopwatch.StartNew(); ; await Task.Delay(TimeSpan.FromMilliseconds(20)))
        {
            try
            {
                return await ask();
            }
            catch (MarketException away) when (away.IsTransient && watch.Elapsed < Until.Patience)
            {
                // The server is down.
            }
        }
    }

    private static async Task<List<JobId>> AllAsync(ServerProcess server, Protocol.Identity.SigningKey key)
    {
        using var client = server.Connect(key);
        var jobs = new List<JobId>();
        string? after = null;
        do
        {
            var page = await client.ListJobsAsync(new JobFilter { After = after, Limit = 200 }, CancellationToken.None);
            jobs.AddRange(page.Items.Select(job => job.Job));
            after = page.Next;
        }
        while (after is not null);
        return jobs;
    }

    /// <summary>What is reported at one server is told at the other well before a follower would look by itself.</summary>
    private static async Task HearsAsync(ServerProcess server, Protocol.Identity.SigningKey key, TestNode node, Lease lease, JobId job)
    {
        using var client = server.Connect(key);
        await using var events = client.FollowAsync(job, 0, withLogs: true, CancellationToken.None).GetAsyncEnumerator();
        while (events.Current is not JobStarted)
        {
            await events.MoveNextAsync();
        }

        await node.ReportAsync(lease, [], [TestNode.Lines("one", 1, 1)]);
        Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(8)));
        Assert.IsType<LogWritten>(events.Current);
    }

    private static string Large(int number) => $$"""{"version":"0.1","type":"container","ops":[{"type":"container/run","id":"one","args":{"image":"busybox","cmd":["{{new string('x', 200_000)}}{{number}}"]} }]}""";

    private static void Fill(string path)
    {
        using var file = File.Create(path);
        try
        {
            for (var block = new byte[1 << 20]; file.Length < 64 << 20;)
            {
                file.Write(block);
            }
        }
        catch (IOException)
        {
            // Full, but for what is given back here.
            file.SetLength(Math.Max(0, file.Length - (2 << 20)));
        }
    }

    private static async Task<MarketException?> RefusalAsync(Func<Task> ask)
    {
        try
        {
            await ask();
            return null;
        }
        catch (MarketException refused)
        {
            return refused;
        }
    }
}
