using System.Security.Cryptography;
using System.Text;
using Berth.EndToEndTests.Lab;
using Berth.Testing.Resources;

namespace Berth.EndToEndTests.Runs;

/// <summary>Models come from the hubs they are published on, as their own clients would fetch them.</summary>
public sealed class HubResourceTests : IAsyncDisposable
{
    private const string Allowed = "--allow-address=127.0.0.0/8";
    private const string Token = "hf_s3cr3t0ken";

    private static readonly Dictionary<string, byte[]> Files = new()
    {
        ["config.json"] = "{}"u8.ToArray(),
        ["README.md"] = "a tiny model\n"u8.ToArray(),
        ["model.safetensors"] = Random(300_000),
        ["onnx/model.onnx"] = Random(120_000),
        ["onnx/notes with blank.txt"] = "quantised\n"u8.ToArray(),
    };

    private readonly FileServer _server = new();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task The_hubs_own_client_reads_the_same_files_from_the_stand_in()
    {
        _ = new HubStandIn(_server, Files, Token);
        await using var desk = Desk();

        var theirs = (await Peer.AskAsync("hub-client.mjs", [_server.Address.GetLeftPart(UriPartial.Authority), HubStandIn.Repository, "main", Token])).Lines;
        var ours = (await RunAsync(desk, $$""" "repo": "{{HubStandIn.Repository}}", "accessToken": "{{Token}}" """)).Exited(0).Lines;

        Assert.Equal(Expected(Files.Keys), theirs.Order(StringComparer.Ordinal));
        Assert.Equal(Expected(Files.Keys), ours.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_repository_is_named_in_each_form_and_its_files_by_name_folder_or_pattern()
    {
        var hub = new HubStandIn(_server, Files);
        await using var desk = Desk();

        await ShowsAsync(desk, $$""" "repo": "{{HubStandIn.Repository}}", "files": ["config.json", "onnx/"] """, ["config.json", "onnx/model.onnx", "onnx/notes with blank.txt"]);
        await ShowsAsync(desk, $$""" "repo": "{{HubStandIn.Repository}}", "revision": "{{hub.Commit}}", "files": ["*.safetensors"] """, ["model.safetensors"]);
        await ShowsAsync(desk, $$""" "url": "https://huggingface.co/{{HubStandIn.Repository}}", "files": ["README.md"] """, ["README.md"]);
        await ShowsAsync(desk, $$""" "url": "{{_server.Address}}{{HubStandIn.Repository}}/tree/{{hub.Commit}}", "files": ["README.md"] """, ["README.md"]);
    }

    [Fact]
    public async Task A_branch_that_moves_is_fetched_anew_and_a_commit_never_is()
    {
        var hub = new HubStandIn(_server, Files);
        await using var desk = Desk();
        var byCommit = $$""" "repo": "{{HubStandIn.Repository}}", "revision": "{{hub.Commit}}", "files": ["config.json"] """;
        var byBranch = $$""" "repo": "{{HubStandIn.Repository}}", "files": ["config.json"] """;
        await ShowsAsync(desk, byCommit, ["config.json"]);
        await ShowsAsync(desk, byBranch, ["config.json"]);
        hub.Replace(new Dictionary<string, byte[]> { ["config.json"] = "{ \"new\": true }"u8.ToArray() });
        var requests = _server.Requests.Length;

        await ShowsAsync(desk, byCommit, ["config.json"]);
        Assert.Equal(requests, _server.Requests.Length);
        var said = (await RunAsync(desk, byBranch, "cat /data/config.json")).Exited(0);

        Assert.Contains("{ \"new\": true }", said.Lines);
    }

    [Fact]
    public async Task What_the_hub_refuses_is_told_with_its_reason_and_without_the_token()
    {
        _ = new HubStandIn(_server, Files, Token);
        await using var desk = Desk();

        var none = (await RunAsync(desk, $$""" "repo": "{{HubStandIn.Repository}}" """)).Exited(1);
        var wrong = (await RunAsync(desk, $$""" "repo": "{{HubStandIn.Repository}}", "accessToken": "hf_wr0ng" """)).Exited(1);
        var unknown = (await RunAsync(desk, $$""" "repo": "acme/other", "accessToken": "{{Token}}" """)).Exited(1);
        var revision = (await RunAsync(desk, $$""" "repo": "{{HubStandIn.Repository}}", "revision": "nope", "accessToken": "{{Token}}" """)).Exited(1);
        var file = (await RunAsync(desk, $$""" "repo": "{{HubStandIn.Repository}}", "files": ["gone.bin"], "accessToken": "{{Token}}" """)).Exited(1);

        Assert.Contains("answers 401 Unauthorized (GatedRepo)", none.Error, StringComparison.Ordinal);
        Assert.Contains("answers 403 Forbidden (GatedRepo)", wrong.Error, StringComparison.Ordinal);
        Assert.Contains("answers 401 Unauthorized (RepoNotFound)", unknown.Error, StringComparison.Ordinal);
        Assert.Contains("answers 404 Not Found (RevisionNotFound)", revision.Error, StringComparison.Ordinal);
        Assert.Contains("no file gone.bin", file.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_wr0ng", wrong.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_Ollama_model_lies_as_the_ollama_image_keeps_its_own()
    {
        var weights = Random(200_000);
        var config = "{\"model_format\":\"gguf\"}"u8.ToArray();
        var manifest = Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"config":{"digest":"sha256:{{Sha(config)}}","size":{{config.Length}}},"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:{{Sha(weights)}}","size":{{weights.Length}}}]}""");
        _server.Serve("/v2/library/tiny/manifests/latest", new ServedFile(manifest));
        _server.Serve($"/v2/library/tiny/blobs/sha256:{Sha(config)}", new ServedFile(config));
        _server.Serve($"/v2/library/tiny/blobs/sha256:{Sha(weights)}", new ServedFile([]) { RedirectsTo = "/store" });
        _server.Serve("/store", new ServedFile(weights));
        await using var desk = Desk();

        var said = (await desk.RunAsync(Definition.Of("cd /root/.ollama/models && find . -type f -exec sha256sum {} +", """{"resources":[{"type":"Ollama","model":"tiny"}]}"""), Allowed)).Exited(0);

        Assert.Equal(
            new[] { $"{Sha(manifest)}  ./manifests/registry.ollama.ai/library/tiny/latest", $"{Sha(config)}  ./blobs/sha256-{Sha(config)}", $"{Sha(weights)}  ./blobs/sha256-{Sha(weights)}" }.Order(StringComparer.Ordinal),
            said.Lines.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("0", "262144")]
    [InlineData("1", "262144")]
    [InlineData("1", "0")]
    public async Task Content_of_IPFS_is_checked_block_by_block_and_a_gateway_that_lies_is_passed_over(string version, string shardBytes)
    {
        await using var desk = Desk();
        var tree = Directory.CreateDirectory(Path.Combine(desk.Folder, "tree"));
        var blocks = Directory.CreateDirectory(Path.Combine(desk.Folder, "blocks"));
        foreach (var (path, content) in Files.Append(new("large.bin", Random(3_000_000))).Append(new("empty", [])))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(tree.FullName, path))!);
            await File.WriteAllBytesAsync(Path.Combine(tree.FullName, path), content);
        }

        var root = (await Peer.AskAsync("ipfs-blocks.mjs", [version, shardBytes, tree.FullName, blocks.FullName])).Lines.Single();
        await using var liar = new FileServer();
        liar.Otherwise = _ => new ServedFile("not what it stands for"u8.ToArray());
        _server.Otherwise = request => File.Exists(Path.Combine(blocks.FullName, Path.GetFileName(request.Path))) ? new ServedFile(File.ReadAllBytes(Path.Combine(blocks.FullName, Path.GetFileName(request.Path)))) : null;
        string[] gateways = [Allowed, $"--ipfs-gateway={liar.Address}", $"--ipfs-gateway={_server.Address}"];

        var whole = (await desk.RunAsync(Job(Listed, "IPFS", $$""" "url": "{{root}}" """), gateways)).Exited(0);
        var one = (await desk.RunAsync(Job(Listed, "IPFS", $$""" "url": "ipfs://{{root}}/onnx/model.onnx" """), gateways)).Exited(0);
        var named = (await desk.RunAsync(Job(Listed, "IPFS", $$""" "url": "{{_server.Address}}ipfs/{{root}}/onnx" """), Allowed)).Exited(0);
        var missing = (await desk.RunAsync(Job(Listed, "IPFS", $$""" "url": "{{root}}/nothing" """), gateways)).Exited(1);

        Assert.Equal(
            Directory.EnumerateFiles(tree.FullName, "*", SearchOption.AllDirectories).Select(file => $"{Sha(File.ReadAllBytes(file))}  {Path.GetRelativePath(tree.FullName, file)}").Order(StringComparer.Ordinal),
            whole.Lines.Order(StringComparer.Ordinal));
        Assert.Equal($"{Sha(Files["onnx/model.onnx"])}  model.onnx", Assert.Single(one.Lines));
        Assert.Equal(2, named.Lines.Length);
        Assert.Contains("There is no 'nothing' in", missing.Error, StringComparison.Ordinal);
        Assert.NotEmpty(liar.Requests);
    }

    [Fact]
    public async Task A_gateway_that_gives_other_bytes_is_told_when_there_is_no_other()
    {
        _server.Otherwise = _ => new ServedFile("not what it stands for"u8.ToArray());
        await using var desk = Desk();

        var said = (await desk.RunAsync(Job("true", "IPFS", """ "url": "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o" """), Allowed, $"--ipfs-gateway={_server.Address}")).Exited(1);

        Assert.Contains("gave other bytes for QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o than those it stands for", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_commit_of_a_git_repository_comes_without_its_history()
    {
        await using var desk = Desk();
        var repositories = Path.Combine(desk.Folder, "repositories");
        var work = Path.Combine(desk.Folder, "work");
        await GitAsync(desk.Folder, "init", "-q", "-b", "main", work);
        await File.WriteAllTextAsync(Path.Combine(work, "a.txt"), "one\n");
        File.CreateSymbolicLink(Path.Combine(work, "outside"), "/etc");
        await CommitAsync(work);
        await GitAsync(work, "tag", "v1");
        await File.WriteAllTextAsync(Path.Combine(work, "a.txt"), "two\n");
        await CommitAsync(work);
        await GitAsync(desk.Folder, "clone", "-q", "--bare", work, Path.Combine(repositories, "r.git"));
        var first = (await GitAsync(work, "rev-parse", "v1")).Lines.Single();
        await GitAsync(Path.Combine(repositories, "r.git"), "config", "uploadpack.allowReachableSHA1InWant", "true");
        await using var server = Peer.Start("git-server.mjs", repositories);
        var address = $"http://127.0.0.1:{(await server.SaysAsync("\n")).Trim()["port=".Length..]}";

        var newest = (await desk.RunAsync(Job("cat a.txt; ls -A", "Git", $$""" "url": "{{address}}/r.git" """), Allowed)).Exited(0);
        var tagged = (await desk.RunAsync(Job("cat a.txt", "Git", $$""" "url": "{{address}}/r.git", "revision": "v1" """), Allowed)).Exited(0);
        var exact = (await desk.RunAsync(Job("cat a.txt", "Git", $$""" "url": "{{address}}/r.git", "revision": "{{first}}" """), Allowed)).Exited(0);
        var redirected = (await desk.RunAsync(Job("true", "Git", $$""" "url": "{{address}}/elsewhere/r.git" """), Allowed)).Exited(1);
        var missing = (await desk.RunAsync(Job("true", "Git", $$""" "url": "{{address}}/r.git", "revision": "nope" """), Allowed)).Exited(1);
        var unknown = (await desk.RunAsync(Job("true", "Git", $$""" "url": "{{address}}/none.git" """), Allowed)).Exited(1);
        var forbidden = (await desk.RunAsync(Job("true", "Git", $$""" "url": "{{address}}/r.git", "revision": "v1" """))).Exited(1);

        Assert.Equal(["two", "a.txt", "outside"], newest.Lines);
        Assert.Equal(["one"], tagged.Lines);
        Assert.Equal(["one"], exact.Lines);
        Assert.Contains("redirects, which is not followed for git", redirected.Error, StringComparison.Ordinal);
        Assert.Contains("has no such branch or tag", missing.Error, StringComparison.Ordinal);
        Assert.Contains("is no git repository", unknown.Error, StringComparison.Ordinal);
        Assert.Contains("an address of this machine", forbidden.Error, StringComparison.Ordinal);
    }

    private const string Listed = "find . -type f -exec sha256sum {} + | sed 's|  ./|  |'";

    private static byte[] Random(int count) => RandomNumberGenerator.GetBytes(count);

    private static string Sha(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static IEnumerable<string> Expected(IEnumerable<string> paths) => paths.Select(path => $"{Sha(Files[path])}  {path}").Order(StringComparer.Ordinal);

    private static Definition Job(string script, string type, string resource) =>
        Definition.Of(script, $$"""{"work_dir":"/data","resources":[{ "type": "{{type}}", "target": "/data", {{resource}} }]}""");

    private static async Task ShowsAsync(Desk desk, string resource, string[] paths) =>
        Assert.Equal(Expected(paths), (await RunAsync(desk, resource)).Exited(0).Lines.Order(StringComparer.Ordinal));

    private static Task<Said> RunAsync(Desk desk, string resource, string script = Listed) => desk.RunAsync(Job(script, "HF", resource), Allowed);

    private static Task<Said> GitAsync(string folder, params string[] arguments) => RunningProgram.RunAsync(new System.Diagnostics.ProcessStartInfo("git", arguments) { WorkingDirectory = folder });

    private static async Task CommitAsync(string folder)
    {
        (await GitAsync(folder, "add", "-A")).Exited(0);
        (await GitAsync(folder, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-q", "-m", "a step")).Exited(0);
    }

    private Desk Desk() => new(environment: new() { ["HF_ENDPOINT"] = _server.Address.OriginalString, ["OLLAMA_REGISTRY"] = _server.Address.OriginalString });
}
