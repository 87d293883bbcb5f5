using System.Net;
using System.Net.Sockets;
using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>A job is hostile code: what it may do is little, and what is around the machine it cannot reach.</summary>
public sealed class IsolationTests
{
    [Fact]
    public async Task A_container_has_few_privileges()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of(
            "grep -E '^(NoNewPrivs|CapEff|CapBnd|Seccomp):' /proc/self/status | tr -d '\\t'; " +
            "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max; " +
            "df -m /dev/shm | tail -n 1 | awk '{print \"shm \" $2}'; ls -d /var/run/docker.sock /run/docker.sock 2>/dev/null; true"))).Exited(0);

        Assert.Equal(["CapBnd:00000000000405fb", "CapEff:00000000000405fb", "NoNewPrivs:1", "Seccomp:2", "4096", "shm 4096"], said.Lines.Order(StringComparer.Ordinal).OrderBy(line => line is "4096" ? 1 : line[0] == 's' ? 2 : 0));
        Assert.DoesNotContain("docker.sock", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Memory_and_processors_are_bounded_by_the_machine()
    {
        await using var desk = new Desk();
        await using var berth = desk.Start(Definition.Of("trap 'exit 0' TERM; echo up; while true; do usleep 50000; done"));
        await berth.SaysAsync("up");

        var limits = (await Engine.Shared.InspectAsync(desk.OnlyRun, 0))["HostConfig"]!;
        var machine = (long)(await Engine.Shared.AskAsync("info"))["MemTotal"]!;

        Assert.InRange((long)limits["Memory"]!, machine / 2, machine - (1L << 29));
        Assert.True((long)limits["NanoCpus"]! > 0);
        Assert.False((bool)limits["Privileged"]!);
        berth.Signal(15);
        (await berth.EndAsync()).Exited(143);
    }

    [Fact]
    public async Task A_fork_bomb_ends_at_the_limit_of_processes()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("i=0; while [ $i -lt 6000 ]; do sleep 300 & i=$((i+1)); done; echo all of them"))).Exited(1);

        Assert.Contains("can't fork", said.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("all of them", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_reaches_no_address_of_the_machine_it_runs_on()
    {
        using var service = new TcpListener(IPAddress.Any, 0);
        service.Start();
        var port = ((IPEndPoint)service.LocalEndpoint).Port;
        var machine = Addresses();
        await using var desk = new Desk();

        // Without Berth's rules the engine lets containers reach the machine; else this test would say nothing.
        Assert.Equal(0, await Engine.Shared.RunPlainAsync($"nc -w 3 $(ip route | awk '/default/{{print $3}}') {port} -e /bin/true"));
        var said = (await desk.RunAsync(Definition.Of(
            $"for a in $(ip route | awk '/default/{{print $3}}') host.docker.internal {string.Join(' ', machine)}; do nc -w 2 $a {port} -e /bin/true && echo reached $a; done; echo tried"))).Exited(0);

        Assert.Contains("tried", said.Lines);
        Assert.DoesNotContain("reached", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_reaches_no_private_machine_and_no_metadata_service()
    {
        await using var neighbour = await PretendMachine.StartAsync();
        await using var registry = await LocalRegistry.StartAsync();
        await using var desk = new Desk();
        var port = registry.Address.Split(':')[1];

        var said = (await desk.RunAsync(Definition.Of(
            $"for a in {neighbour.Address} 10.219.0.1 169.254.169.254 100.100.100.200 192.168.0.1 172.16.0.1; do " +
            $"s=$(date +%s); nc -w 5 $a {port} -e /bin/true && echo reached $a; [ $(($(date +%s) - s)) -lt 3 ] || echo slow $a; done; echo tried"))).Exited(0);

        Assert.Equal(["tried"], said.Lines.Where(line => !line.StartsWith("nc:", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Two_runs_do_not_see_each_other()
    {
        await using var one = new Desk();
        await using var other = new Desk();
        await using var berth = one.Start(
            Definition.Of("trap 'exit 0' TERM; echo secret >/index.html; httpd -p 8080 -h /; echo up; while true; do usleep 50000; done", """{"expose":8080,"aliases":["treasure"]}"""));
        await berth.SaysAsync("up");
        var network = (await Engine.Shared.InspectAsync(one.OnlyRun, 0))["NetworkSettings"]!["Networks"]!.AsObject().Single().Value!;
        var published = (string)(await Engine.Shared.InspectAsync(one.OnlyRun, 0))["NetworkSettings"]!["Ports"]!["8080/tcp"]![0]!["HostPort"]!;

        var said = (await other.RunAsync(Definition.Of(
            $"for a in {network["IPAddress"]}:8080 {network["Gateway"]}:{published} 127.0.0.1:{published} treasure:8080 op:8080; do timeout 3 wget -q -O - http://$a/; done; echo tried"))).Exited(0);

        Assert.Contains("tried", said.Lines);
        Assert.DoesNotContain("secret", said.Output, StringComparison.Ordinal);
        berth.Signal(15);
        (await berth.EndAsync()).Exited(143);
    }

    [Fact]
    public async Task Operations_of_a_run_find_each_other_by_name()
    {
        await using var desk = new Desk();
        var job = new Definition()
            .Then(
                "server",
                "echo found >/index.html; exec httpd -f -p 8080 -h /",
                """{"aliases":["shop"],"expose":[{"port":8080,"health_checks":[{"type":"http","path":"/","method":"GET","expected_status":200,"continuous":false}]}]}""",
                """{"execution":{"group":"g","depends_on":["client"],"stop_if_dependent_stops":true}}""")
            .Then("client", "for name in server shop $NOSANA_ID-0; do wget -q -O - http://$name:8080/; done", members: """{"execution":{"group":"g"}}""");

        var said = (await desk.RunAsync(job)).Exited(0);

        Assert.Equal(["client | found", "client | found", "client | found"], said.Lines.Select(line => line.Replace("  ", " ", StringComparison.Ordinal)));
    }

    private static IEnumerable<string> Addresses() =>
        from network in System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
        from address in network.GetIPProperties().UnicastAddresses
        where address.Address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address.Address)
        select address.Address.ToString();
}
