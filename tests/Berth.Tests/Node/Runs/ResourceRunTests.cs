using Berth.Jobs.Results;
using Berth.Node.Runs;
using Berth.Testing.Resources;
using Berth.Testing.Runs;
using Xunit;
using static Berth.Testing.Runs.TestRun;

namespace Berth.Tests.Node.Runs;

/// <summary>An operation finds its resources where it wants them when it starts, or does not start and says why.</summary>
public sealed class ResourceRunTests : IAsyncDisposable
{
    private readonly FileServer _server = new();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_container_reads_its_resource_and_cannot_write_to_it()
    {
        using var run = Of(Op("reader", "fake/reads-files", Resources(Http("/greeting.txt", "hello"))));

        await run.ExecuteAsync();

        Assert.Equal(["stdout /data/greeting.txt: hello"], run.Log("reader"));
        var folder = Assert.Single(Assert.Single(run.Engine.Created).Folders);
        Assert.Equal("/data", folder.Destination);
        Assert.Empty(Assert.Single(run.Engine.Created).Volumes);
    }

    [Fact]
    public async Task Fetching_is_told_with_its_bytes_and_kept_in_the_state()
    {
        using var run = Of(Op("reader", "fake/reads-files", Resources(Http("/greeting.txt", "hello"))));

        await run.ExecuteAsync();

        var progress = Assert.Single(run.Events.OfType<ResourceProgressed>());
        Assert.Equal((0, $"{_server.Address}greeting.txt", 5L, 1), (progress.Index, progress.Name, progress.TotalBytes, progress.Files));
        var ready = Assert.Single(run.Operation("reader").Resources);
        Assert.Equal((5, 1, false), (ready.Bytes, ready.Files, ready.WasHere));
        Assert.Null(run.Operation("reader").Fetch);
    }

    [Fact]
    public async Task The_next_run_finds_what_the_last_one_fetched()
    {
        using var run = Of(Op("one", "fake/reads-files", Resources(Http("/a", "hello"))), Op("two", "fake/reads-files", Resources(Http("/a", "hello")), After("one")));

        await run.ExecuteAsync();

        Assert.Equal(["stdout /data/a: hello"], run.Log("two"));
        Assert.Equal([false, true], run.Events.OfType<ResourceReady>().Select(ready => ready.WasHere));
    }

    [Fact]
    public async Task An_engine_elsewhere_gets_a_copy_that_is_gone_when_the_run_is_over()
    {
        using var run = Elsewhere(Of(Op("reader", "fake/reads-files", Resources(Http("/a", "hello")))));

        await run.ExecuteAsync();

        Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);
        Assert.Equal(["stdout /data/a: hello"], run.Log("reader"));
        Assert.Empty(Assert.Single(run.Engine.Created).Folders);
        Assert.Empty(run.Engine.Left);
    }

    [Fact]
    public async Task A_copy_is_filled_again_when_the_process_died_over_it()
    {
        using var first = Elsewhere(Of(
            new Wishes { Crash = new CrashPoint(1, Before: false) { At = happened => happened is ContainerStarting } },
            Op("reader", "fake/reads-files", Resources(Http("/a", "hello")))));
        await first.ExecuteAsync();
        using var next = first.Successor();

        await next.ExecuteAsync();

        Assert.Equal(["stdout /data/a: hello"], next.Log("reader"));
        Assert.Empty(next.Engine.Left);
    }

    [Theory]
    [InlineData(404, OperationFault.Resource)]
    [InlineData(403, OperationFault.Resource)]
    [InlineData(500, OperationFault.ResourceUnavailable)]
    public async Task An_operation_whose_resource_cannot_be_had_fails_with_the_reason_and_never_starts(int status, OperationFault fault)
    {
        _server.Serve("/gone", new ServedFile([]) { Status = status, HasRanges = false });
        using var run = Of(new Wishes { Hurries = TimeSpan.FromSeconds(5) }, Op("reader", "fake/reads-files", Resources(Http("/gone"))));

        await run.ExecuteAsync();

        var error = run.Operation("reader").End?.Error;
        Assert.Equal(fault, error?.Fault);
        Assert.Contains($"answers {status}", error?.Message, StringComparison.Ordinal);
        Assert.Contains(error!.Message, run.Log("reader").Single(), StringComparison.Ordinal);
        Assert.Empty(run.Engine.Created);
        Assert.Empty(run.Engine.Left);
    }

    [Fact]
    public async Task Stopping_a_run_ends_its_download_at_once()
    {
        _server.Serve("/slow", new ServedFile(1_000_000, (_, bytes) => bytes.Clear()) { StallsAfter = 1_000 });
        using var run = Of(Op("reader", "fake/reads-files", Resources(Http("/slow"))));
        var running = run.ExecuteAsync();
        await run.UntilAsync<ResourceProgressed>();

        run.Stop.Request(StopReason.StoppedByClient);

        Assert.Equal(RunOutcome.StoppedByClient, (await running).Outcome);
        Assert.Empty(run.Engine.Left);
    }

    [Fact]
    public async Task An_image_that_is_not_there_does_not_wait_for_the_download_beside_it()
    {
        _server.Serve("/slow", new ServedFile(1_000_000, (_, bytes) => bytes.Clear()) { StallsAfter = 1_000 });
        using var run = Of(Op("reader", "fake/missing", Resources(Http("/slow"))));

        await run.ExecuteAsync();

        Assert.Equal(OperationFault.ImageNotFound, run.Operation("reader").End?.Error?.Fault);
    }

    [Theory]
    [InlineData("/data", "/data")]
    [InlineData("/data", "/data/")]
    [InlineData("/data", "/data/inner")]
    public async Task Two_resources_cannot_share_a_target(string one, string other)
    {
        using var run = Of(Op("reader", "fake/reads-files", Resources(Http("/a", "a", one), Http("/b", "b", other))));

        await run.ExecuteAsync();

        Assert.Contains("Give each a folder of its own", run.Operation("reader").End?.Error?.Message, StringComparison.Ordinal);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task What_a_run_has_mounted_is_not_removed_before_its_end()
    {
        using var run = Of(Op("sleeper", "fake/prints-then-sleeps", Resources(Http("/a", "hello"))));
        var running = run.ExecuteAsync();
        await run.UntilRunsAsync("sleeper");
        var entry = Assert.Single(run.Resources.Cache.List());

        Assert.False(run.Resources.Cache.TryRemove(entry));
        run.Stop.Request(StopReason.StoppedByClient);
        await running;

        Assert.True(run.Resources.Cache.TryRemove(entry));
        Assert.Empty(run.Resources.Cache.List());
    }

    [Fact]
    public async Task What_a_dead_process_had_mounted_is_not_removed_while_its_run_may_go_on()
    {
        using var run = Of(
            new Wishes { Crash = new CrashPoint(1, Before: false) { At = happened => happened is ContainerStarted } },
            Op("sleeper", "fake/prints-then-sleeps", Resources(Http("/a", "hello"))));
        await run.ExecuteAsync();
        Assert.True(run.HasDied);

        Assert.False(run.Resources.Cache.TryRemove(Assert.Single(run.Resources.Cache.List())));
    }

    [Fact]
    public void Keys_and_tokens_of_resources_never_rest_on_a_disk()
    {
        using var run = Of(Op("needs", "fake/exit-0", Resources(
            """{ "type": "S3", "url": "s3://b/k", "target": "/a", "IAM": { "ACCESS_KEY_ID": "AKIDsecret", "SECRET_ACCESS_KEY": "secret-key" } }""",
            """{ "type": "HF", "repo": "a/b", "target": "/b", "accessToken": "hf_secret" }""")));

        var kept = DefinitionKeeping.WithoutLogins(run.Request.Definition, out var hadLogins);

        Assert.True(hadLogins);
        Assert.DoesNotContain("secret", kept, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("s3://b/k", kept, StringComparison.Ordinal);
    }

    private static TestRun Elsewhere(TestRun run)
    {
        run.Engine.Description = run.Engine.Description with { IsLocal = false };
        run.Admission = run.Admission with { SeesFolders = false };
        return run;
    }

    private static string After(string id) => $$""" "execution": { "depends_on": ["{{id}}"] } """;

    private static string Resources(params string[] resources) => $$""" "resources": [{{string.Join(", ", resources)}}] """;

    private string Http(string path, string? text = null, string target = "/data")
    {
        if (text is not null)
        {
            _server.Serve(path, text);
        }

        return $$"""{ "type": "HTTP", "url": "{{new Uri(_server.Address, path)}}", "target": "{{target}}" }""";
    }
}
