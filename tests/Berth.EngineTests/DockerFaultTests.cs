using Berth.Containers;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.EngineTests;

/// <summary>What an engine that dies, stalls, or lacks things looks like from here; on a pretend machine of the tests' own.</summary>
public sealed class DockerFaultTests : IAsyncLifetime
{
    private const string Machine = "faulty";
    private const string Registry = "10.219.0.1:5067";
    private const string PrivateRegistry = "10.219.0.1:5068";

    private readonly string _gpu = Lab.Folder("faulty-gpu");
    private DockerEngine? _engine;
    private EngineAddress? _address;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private DockerEngine Engine => _engine ?? throw new InvalidOperationException("The engine is connected when a test begins.");

    private EngineAddress Address => _address ?? throw new InvalidOperationException("The engine is connected when a test begins.");

    public async ValueTask InitializeAsync()
    {
        var gpu = await Lab.RunAsync("lab/gpu", ["up", _gpu]);
        await StartEngineAsync(gpu["path"]);
        await Lab.RunAsync("images", ["busybox"], new Dictionary<string, string> { ["DOCKER_HOST"] = Address.Uri.ToString() });
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        await Lab.RunAsync("lab/host", ["down", Machine]);
        await Lab.RunAsync("lab/gpu", ["down", _gpu]);
    }

    [Fact]
    public async Task An_engine_that_is_killed_breaks_off_waits_and_logs_and_what_runs_is_there_when_it_is_back()
    {
        await StartAsync(Shell("survivor", "echo one; while true; do sleep 0.1; done"));
        var waiting = Engine.WaitAsync("survivor", Ct);
        await using var lines = Engine.ReadLogsAsync("survivor", null, follow: true, 1 << 20, Ct).GetAsyncEnumerator(Ct);
        Assert.True(await lines.MoveNextAsync());

        await Lab.RunAsync("lab/host", ["kill", Machine]);

        Assert.Equal(EngineFault.Unreachable, (await Assert.ThrowsAsync<EngineException>(() => waiting)).Fault);
        Assert.Equal(EngineFault.Unreachable, (await Assert.ThrowsAsync<EngineException>(async () => await lines.MoveNextAsync())).Fault);
        var fault = await Assert.ThrowsAsync<EngineException>(() => Engine.InspectAsync("survivor", Ct));
        Assert.Equal(EngineFault.Unreachable, fault.Fault);
        Assert.Contains("no container engine answers at", fault.Message, StringComparison.Ordinal);
        Assert.Contains("DOCKER_HOST", fault.Message, StringComparison.Ordinal);

        await StartEngineAsync();
        Assert.True((await Engine.InspectAsync("survivor", Ct))?.IsRunning);
    }

    [Fact]
    public async Task An_engine_that_shuts_down_in_good_order_breaks_off_the_log_of_what_goes_on()
    {
        await StartAsync(Shell("survivor", "echo one; while true; do sleep 0.1; done"));
        await using var lines = Engine.ReadLogsAsync("survivor", null, follow: true, 1 << 20, Ct).GetAsyncEnumerator(Ct);
        Assert.True(await lines.MoveNextAsync());

        await Lab.RunAsync("lab/host", ["stop", Machine]);

        Assert.Equal(EngineFault.Unreachable, (await Assert.ThrowsAsync<EngineException>(async () => await lines.MoveNextAsync())).Fault);
    }

    [Fact]
    public async Task An_engine_that_stalls_is_given_up_on()
    {
        await using var impatient = DockerEngine.Connect(Address, patience: TimeSpan.FromSeconds(1));
        await Lab.RunAsync("lab/host", ["stall", Machine]);
        try
        {
            await StalledAsync(impatient);
            foreach (var call in (Func<Task>[])[() => impatient.InspectAsync("c", Ct), () => impatient.DescribeAsync(Ct), () => impatient.RemoveAsync("c", Ct)])
            {
                var fault = await Assert.ThrowsAsync<EngineException>(call);
                Assert.Equal(EngineFault.Unreachable, fault.Fault);
                Assert.Contains("did not answer within 1 s", fault.Message, StringComparison.Ordinal);
            }
        }
        finally
        {
            await Lab.RunAsync("lab/host", ["resume", Machine]);
        }

        Assert.Null(await impatient.InspectAsync("c", Ct));
    }

    [Fact]
    public async Task A_caller_that_gives_up_gets_its_own_cancellation()
    {
        await StartAsync(Shell("sleeper", "while true; do sleep 0.1; done"));
        using var ended = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Engine.WaitAsync("sleeper", ended.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var batch in Engine.ReadLogsAsync("sleeper", null, follow: true, 1 << 20, ended.Token))
            {
                Assert.NotEmpty(batch);
            }
        });
    }

    [Fact]
    public async Task Gpus_are_granted_by_number_by_name_or_all_and_a_broken_driver_says_so()
    {
        Assert.Equal("all", await VisibleGpusAsync("all", GpuRequest.All));
        Assert.Equal("0", await VisibleGpusAsync("one", new GpuCount(1)));
        Assert.Equal("1,GPU-abc", await VisibleGpusAsync("named", new GpuDevices(["1", "GPU-abc"])));

        await Lab.RunAsync("lab/gpu", ["break", _gpu]);
        var fault = await Assert.ThrowsAsync<EngineException>(() => StartAsync(Shell("broken", "true") with { Gpu = GpuRequest.All }));
        Assert.Equal(EngineFault.GpuUnavailable, fault.Fault);
        Assert.Contains("broken", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Registries_say_what_is_missing_what_is_denied_and_when_they_are_away()
    {
        var (open, closed) = (Lab.Folder("faulty-reg"), Lab.Folder("faulty-priv"));
        try
        {
            await Lab.RunAsync("lab/registry", ["up", open, Registry]);
            await Lab.RunAsync("lab/registry", ["up", closed, PrivateRegistry, "alice", "s3cret"]);

            Assert.Equal(EngineFault.ImageNotFound, (await RefusedAsync($"{Registry}/berth/nothing:1")).Fault);
            Assert.Equal(EngineFault.ImageDenied, (await RefusedAsync($"{PrivateRegistry}/berth/nothing:1")).Fault);
            var wrong = await RefusedAsync($"{PrivateRegistry}/berth/nothing:1", new("alice", "wr0ng", null, PrivateRegistry));
            Assert.Equal(EngineFault.ImageDenied, wrong.Fault);
            Assert.DoesNotContain("wr0ng", wrong.Message, StringComparison.Ordinal);
            Assert.Equal(EngineFault.ImageNotFound, (await RefusedAsync($"{PrivateRegistry}/berth/nothing:1", new("alice", "s3cret", null, null))).Fault);
        }
        finally
        {
            await Lab.RunAsync("lab/registry", ["down", open]);
            await Lab.RunAsync("lab/registry", ["down", closed]);
        }

        Assert.Equal(EngineFault.RegistryUnavailable, (await RefusedAsync($"{Registry}/berth/nothing:1")).Fault);
        Assert.Equal(EngineFault.RegistryUnavailable, (await RefusedAsync("ubuntu:22.04")).Fault);
    }

    [Fact]
    public async Task A_socket_that_is_not_there_says_what_to_do()
    {
        await using var nobody = DockerEngine.Connect(EngineAddress.Parse("/tmp/no-such-engine.sock"));

        foreach (var call in (Func<Task>[])[() => nobody.DescribeAsync(Ct), () => nobody.WaitAsync("c", Ct)])
        {
            var fault = await Assert.ThrowsAsync<EngineException>(call);
            Assert.Equal(EngineFault.Unreachable, fault.Fault);
            Assert.Contains("/tmp/no-such-engine.sock; start Docker or Podman", fault.Message, StringComparison.Ordinal);
        }
    }

    private static ContainerSpec Shell(string name, string script) => new() { Name = name, Image = "berth/busybox:1", Command = ["sh", "-c", script] };

    /// <summary>The threads of a process do not stop at the same instant; what is asked meanwhile may be answered.</summary>
    private static async Task StalledAsync(DockerEngine engine)
    {
        try
        {
            while (true)
            {
                await engine.InspectAsync("c", Ct);
            }
        }
        catch (EngineException fault)
        {
            Assert.Equal(EngineFault.Unreachable, fault.Fault);
        }
    }

    private async Task StartEngineAsync(string? path = null)
    {
        var settings = new Dictionary<string, string> { ["LIVE_RESTORE"] = "true" };
        if (path is not null)
        {
            settings["ENGINE_PATH"] = path;
        }

        var machine = await Lab.RunAsync("lab/host", ["up", Machine], settings);
        _address = EngineAddress.Parse(machine["engine"]);
        _engine ??= DockerEngine.Connect(_address);
    }

    private async Task StartAsync(ContainerSpec spec)
    {
        await Engine.CreateAsync(spec, Ct);
        await Engine.StartAsync(spec.Name, Ct);
    }

    private async Task<string> VisibleGpusAsync(string name, GpuRequest gpu)
    {
        await StartAsync(Shell(name, "echo $NVIDIA_VISIBLE_DEVICES") with { Gpu = gpu });
        var lines = new List<string>();
        await foreach (var batch in Engine.ReadLogsAsync(name, null, follow: true, 1 << 20, Ct))
        {
            lines.AddRange(batch.Select(line => System.Text.Encoding.UTF8.GetString(line.Text.Span)));
        }

        return Assert.Single(lines);
    }

    private async Task<EngineException> RefusedAsync(string reference, RegistryLogin? login = null) => await Assert.ThrowsAsync<EngineException>(async () =>
    {
        await foreach (var progress in Engine.PullAsync(reference, login, Ct))
        {
            Assert.NotEmpty(progress.Status);
        }
    });
}
