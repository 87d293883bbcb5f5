using System.Net.Sockets;
using System.Text;
using Berth.Containers;
using Berth.Jobs.Definitions;
using Berth.Testing.Containers;
using Xunit;

namespace Berth.EngineTests;

/// <summary>What every engine promises, with real containers of a small image.</summary>
public abstract class BusyboxEngineTests : ContainerEngineTests
{
    protected const string Busybox = "berth/busybox:1";

    private const string WaitForStop = "while true; do sleep 0.05; done";

    [Fact]
    public async Task A_container_has_few_capabilities_no_way_to_more_and_a_seccomp_filter()
    {
        var facts = await FactsAsync(Shell("cat /proc/self/status; id -u"));

        Assert.Equal("1", facts["NoNewPrivs"]);
        Assert.Equal("2", facts["Seccomp"]);
        var capabilities = Convert.ToUInt64(facts["CapEff"], 16);
        Assert.Equal(0UL, capabilities & (1UL << 13 | 1UL << 27 | 1UL << 29 | 1UL << 31));
        Assert.Equal(0UL, capabilities & (1UL << 12 | 1UL << 21));
        Assert.NotEqual(0UL, capabilities & 1UL);
    }

    [Fact]
    public async Task A_container_gets_no_more_processes_than_its_limit()
    {
        var lines = await RunAsync(Shell("for i in $(seq 100); do sleep 30 & done; echo all started") with { Limits = new() { Pids = 50 } });

        Assert.DoesNotContain("all started", lines);
    }

    [Fact]
    public async Task A_container_gets_the_shared_memory_it_asks_for()
    {
        var lines = await RunAsync(Shell("df -m /dev/shm | tail -n 1 | awk '{print $2}'") with { Limits = new() { SharedMemoryBytes = 128 << 20 } });

        Assert.Equal(["128"], lines);
    }

    [Fact]
    public async Task What_eats_more_memory_than_its_limit_is_killed()
    {
        var name = await StartAsync(Shell("tail -c 200m /dev/zero") with { Limits = new() { MemoryBytes = 32 << 20 } });

        Assert.Equal(137, (await Engine.WaitAsync(name, Ct)).ExitCode);
    }

    [Fact]
    public async Task Environment_folder_entrypoint_and_command_arrive_as_given()
    {
        var lines = await RunAsync(new()
        {
            Name = "",
            Image = Busybox,
            Entrypoint = ["sh", "-c"],
            Command = ["pwd; echo \"$ODD\"; echo \"$0 $1\"", "zero arg", "one=ü"],
            Env = [new("ODD", "a=b \"c\" $HOME\tü")],
            WorkDir = "/made/when missing",
        });

        Assert.Equal(["/made/when missing", "a=b \"c\" $HOME\tü", "zero arg one=ü"], lines);
    }

    [Fact]
    public async Task An_empty_entrypoint_clears_the_images()
    {
        Assert.Equal(["cleared"], await RunAsync(new() { Name = "", Image = Busybox, Entrypoint = [], Command = ["echo", "cleared"] }));
    }

    [Fact]
    public async Task Names_and_aliases_resolve_on_a_network_and_extra_hosts_are_fixed()
    {
        var network = await Engine.CreateNetworkAsync(new(Name("net"), Bridge(), Labels), Ct);
        await StartAsync(Greeter() with { Network = network.Name, NetworkAliases = ["greeter", "other-name"] });

        var lines = await RunAsync(Shell("for n in greeter other-name; do until nc -w 5 $n 8080; do sleep 0.1; done; done </dev/null; grep blocked.example /etc/hosts") with
        {
            Network = network.Name,
            ExtraHosts = [new("blocked.example", "8.8.8.8")],
        });

        Assert.Equal(["hello", "hello"], lines.Where(line => line == "hello"));
        Assert.Contains("8.8.8.8", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_container_without_a_network_has_only_itself()
    {
        Assert.Equal(["lo"], await RunAsync(Shell("ls /sys/class/net | grep -v -E 'tunl|sit|ip6|gre|erspan|bonding'")));
    }

    [Fact]
    public async Task A_published_port_reaches_the_container()
    {
        var network = await Engine.CreateNetworkAsync(new(Name("net"), Bridge(), Labels), Ct);
        var name = await StartAsync(Greeter() with { Network = network.Name, PublishedPorts = [8080] });
        await PrintedAsync(name, "ready");
        var port = (await Engine.InspectAsync(name, Ct))!.PublishedPorts[8080];

        Assert.Equal("hello", await GreetingAsync(port));
    }

    [Fact]
    public async Task A_volume_is_shared_and_a_read_only_one_cannot_be_written()
    {
        await Engine.CreateVolumeAsync(new(Name("volume"), Labels), Ct);
        await RunAsync(Shell("echo kept > /data/file") with { Volumes = [new(Name("volume"), "/data")] });

        var lines = await RunAsync(Shell("cat /in/file; touch /in/other || echo refused") with { Volumes = [new(Name("volume"), "/in", ReadOnly: true)] });

        Assert.Equal(["kept", "refused"], lines.Where(line => line is "kept" or "refused"));
    }

    [Fact]
    public async Task A_volume_in_use_is_not_removed()
    {
        await Engine.CreateVolumeAsync(new(Name("volume"), Labels), Ct);
        await StartAsync(RunsUntilStopped() with { Volumes = [new(Name("volume"), "/data")] });

        var fault = await Assert.ThrowsAsync<EngineException>(() => Engine.RemoveVolumeAsync(Name("volume"), Ct));

        Assert.Contains(Name("volume"), fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_of_100_MB_is_cut_at_the_limit_and_the_next_one_is_whole()
    {
        const long Bytes = 100_000_000;
        const int Limit = 16 << 20;
        var name = await StartAsync(PrintsLongLine(Bytes));

        var lines = new List<(int Length, long LeftOut)>();
        await foreach (var batch in Engine.ReadLogsAsync(name, null, follow: true, Limit, Ct))
        {
            lines.AddRange(batch.Select(line => (line.Text.Length, line.LeftOut)));
        }

        Assert.Equal([(Limit, Bytes - Limit), (3, 0L)], lines);
    }

    [Fact]
    public async Task Lines_of_both_streams_keep_their_order_and_none_is_lost()
    {
        var name = await StartAsync(Shell("seq 1 20000 & seq 1 20000 >&2; wait"));

        var lines = await ReadAsync(name, follow: true);

        foreach (var stream in (LogStream[])[LogStream.Stdout, LogStream.Stderr])
        {
            Assert.Equal(Enumerable.Range(1, 20_000).Select(number => $"{number}"), lines.Where(line => line.Stream == stream).Select(line => line.Text));
        }
    }

    [Fact]
    public async Task Pulling_from_a_registry_that_is_not_there_says_so()
    {
        var fault = await Assert.ThrowsAsync<EngineException>(() => PullAsync("127.0.0.1:9/berth/nothing:1"));

        Assert.Equal(EngineFault.RegistryUnavailable, fault.Fault);
        Assert.Contains("127.0.0.1:9/berth/nothing:1", fault.Message, StringComparison.Ordinal);
    }

    protected static ContainerSpec Shell(string script) => new() { Name = "", Image = Busybox, Command = ["sh", "-c", script] };

    protected override ContainerSpec PrintsLines(int count) => Shell($"seq 1 {count} | sed 's|^|line |'");

    protected override ContainerSpec PrintsOnBothStreams() => Shell("echo out; echo err >&2");

    protected override ContainerSpec PrintsLongLine(long bytes) => Shell($"head -c {bytes} /dev/zero | tr '\\0' x; echo; printf end");

    protected override ContainerSpec ExitsWith(int code) => Shell($"exit {code}");

    protected override ContainerSpec RunsUntilStopped() => Shell($"trap 'exit 143' TERM; echo ready; {WaitForStop}");

    protected override ContainerSpec IgnoresStop() => Shell($"trap '' TERM; echo ready; {WaitForStop}");

    protected override ContainerSpec PrintsWhenStopped() => Shell($"trap 'echo second; exit 0' TERM; echo first; {WaitForStop}");

    protected override ContainerSpec LeavesOutput() => Shell("mkdir /output; echo forty-two > /output/result.txt");

    protected override ContainerSpec CannotBeStarted() => new() { Name = "", Image = Busybox, Command = ["no-such-program"] };

    protected override ContainerSpec ReadsFiles(string folder) => Shell($"find {folder} -type f | sort | while read -r file; do echo \"$file: $(cat $file)\"; done");

    private static ContainerSpec Greeter() => Shell("echo ready; while true; do echo hello | nc -l -p 8080; done");

    protected async Task PullAsync(string reference, RegistryLogin? login = null)
    {
        await foreach (var progress in Engine.PullAsync(reference, login, Ct))
        {
            Assert.NotEmpty(progress.Status);
        }
    }

    protected async Task<List<string>> RunAsync(ContainerSpec spec)
    {
        var lines = await ReadAsync(await StartAsync(spec), follow: true);
        return [.. lines.Select(line => line.Text)];
    }

    private async Task<Dictionary<string, string>> FactsAsync(ContainerSpec spec) =>
        (await RunAsync(spec)).Where(line => line.Contains(':')).ToDictionary(line => line[..line.IndexOf(':')], line => line[(line.IndexOf(':') + 1)..].Trim());

    /// <summary>The port is open before the program in the container listens, so the first connections may end without a word.</summary>
    private static async Task<string> GreetingAsync(int port)
    {
        while (true)
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", port, Ct);
            using var reader = new StreamReader(client.GetStream(), Encoding.UTF8);
            if (await reader.ReadLineAsync(Ct) is { } greeting)
            {
                return greeting;
            }
        }
    }
}
