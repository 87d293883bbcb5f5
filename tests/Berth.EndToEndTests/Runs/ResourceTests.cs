using Berth.EndToEndTests.Lab;
using Berth.Testing.Resources;

namespace Berth.EndToEndTests.Runs;

/// <summary>Containers find what their job asked for, fetched from servers as they are.</summary>
public sealed class ResourceTests : IAsyncDisposable
{
    private const string Allowed = "--allow-address=127.0.0.1";
    private readonly FileServer _server = new();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_file_is_read_by_the_container_cannot_be_written_and_is_fetched_once()
    {
        _server.Serve("/greeting.txt", "hello from afar\n");
        var job = Definition.Of("cat /data/greeting.txt; (echo more >> /data/greeting.txt) 2>/dev/null || echo read-only", Http("/greeting.txt"));
        await using var desk = new Desk();

        var first = (await desk.RunAsync(job, Allowed)).Exited(0);
        var sent = _server.Sent;
        var second = (await desk.RunAsync(job, Allowed)).Exited(0);

        Assert.All([first, second], said => Assert.Equal(["hello from afar", "read-only"], said.Lines));
        Assert.Contains($"fetched {_server.Address}greeting.txt (1 file, 16 B)", first.Error, StringComparison.Ordinal);
        Assert.Contains($"has {_server.Address}greeting.txt (1 file, 16 B, cached)", second.Error, StringComparison.Ordinal);
        Assert.InRange(_server.Sent - sent, 0, 1);
    }

    [Fact]
    public async Task A_program_that_is_not_root_reads_it_too()
    {
        _server.Serve("/a", "for everybody\n");
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("busybox su -s /bin/sh nobody -c 'cat /data/a' 2>&1 || busybox setuidgid 65534 cat /data/a", Http("/a")), Allowed)).Exited(0);

        Assert.Contains("for everybody", said.Lines);
    }

    [Fact]
    public async Task A_job_cannot_fetch_from_this_machine_unless_its_host_allows_it()
    {
        _server.Serve("/secret", "of this machine");
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("cat /data/secret", Http("/secret")))).Exited(1);

        Assert.Contains("127.0.0.1 is 127.0.0.1, an address of this machine or a private network", said.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task What_is_not_there_fails_the_job_and_a_server_that_is_away_is_no_fault_of_the_job()
    {
        _server.Serve("/gone", new ServedFile([]) { Status = 404 });
        await using var desk = new Desk();

        var gone = (await desk.RunAsync(Definition.Of("true", Http("/gone?signature=s3cret")), Allowed, "--result", "result.json")).Exited(1);
        var wrong = (await desk.RunAsync(Definition.Of("true", Http("/a", $$""", "sha256": "{{new string('0', 64)}}" """)), Allowed)).Exited(1);

        Assert.Contains($"{_server.Address}gone answers 404 Not Found.", gone.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", gone.Error + File.ReadAllText(Path.Combine(desk.Folder, "result.json")), StringComparison.Ordinal);
        Assert.Equal("resource-error", desk.Result().GetProperty("opStates")[0].GetProperty("errors")[0].GetProperty("event").GetString());
        Assert.Contains("answers 404", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_download_goes_on_where_a_killed_process_left_it()
    {
        var content = new byte[40_000_000];
        new Random(7).NextBytes(content);
        _server.Serve("/model.bin", new ServedFile(content) { BytesPerSecond = 2_000_000 });
        var job = Definition.Of("sha256sum /data/model.bin", Http("/model.bin"));
        await using var desk = new Desk();
        await using (var killed = desk.Start(job, Allowed))
        {
            await Eventually.IsAsync(() => _server.Sent > 12_000_000 ? this : null, "12 MB", () => killed.Error);
            killed.Signal(9);
            await killed.EndAsync();
        }

        _server.Serve("/model.bin", new ServedFile(content));
        var before = _server.Sent;

        var said = (await desk.BerthAsync("run", "--resume", "last", Allowed)).Exited(0);

        Assert.Contains(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)), said.Output, StringComparison.Ordinal);
        Assert.InRange(_server.Sent - before, 20_000_000, 32_000_000);
    }

    [Fact]
    public async Task What_is_fetched_by_hand_is_there_for_the_next_job_and_listed_until_it_is_pruned()
    {
        _server.Serve("/greeting.txt", "hello from afar\n");
        await using var desk = new Desk();

        var pulled = (await desk.BerthAsync("resource", "pull", "HTTP", $"{_server.Address}greeting.txt", Allowed)).Exited(0);
        var job = (await desk.RunAsync(Definition.Of("cat /data/greeting.txt", Http("/greeting.txt")), Allowed)).Exited(0);
        var listed = (await desk.BerthAsync("resource", "list")).Exited(0);
        var refused = (await desk.BerthAsync("resource", "pull", "HTTP", $"{_server.Address}greeting.txt")).Exited(1);
        var wrong = (await desk.BerthAsync("resource", "pull", "FTP", "x")).Exited(2);
        var pruned = (await desk.BerthAsync("resource", "prune")).Exited(0);
        var again = (await desk.BerthAsync("resource", "prune")).Exited(0);

        Assert.StartsWith(desk.State, Assert.Single(pulled.Lines), StringComparison.Ordinal);
        Assert.Contains(", cached)", job.Error, StringComparison.Ordinal);
        Assert.Contains("greeting.txt", listed.Output, StringComparison.Ordinal);
        Assert.Contains("--allow-address", refused.Error, StringComparison.Ordinal);
        Assert.Contains("one of S3", wrong.Error, StringComparison.Ordinal);
        Assert.Contains("Removed", pruned.Output, StringComparison.Ordinal);
        Assert.Contains("Nothing to remove", again.Output, StringComparison.Ordinal);
    }

    private string Http(string path, string more = "") =>
        $$"""{"resources":[{ "type": "HTTP", "url": "{{_server.Address.OriginalString.TrimEnd('/')}}{{path}}", "target": "/data"{{more}} }]}""";
}
