using System.Diagnostics;
using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>The engine may be absent, die, freeze or run out of disk: the run says so and ends with the code for it.</summary>
public sealed class EngineFaultTests
{
    private const string CountsToAHundred = "for n in $(seq 1 100); do echo line $n; usleep 100000; done";

    [Theory]
    [InlineData("unix:///nowhere/docker.sock")]
    [InlineData("tcp://127.0.0.1:1")]
    public async Task An_engine_that_is_not_there_is_a_sentence_about_what_to_do(string address)
    {
        await using var desk = new Desk();
        var start = desk.Command(["run", desk.Write("job.json", Definition.Of("true").ToString())]);
        start.Environment["DOCKER_HOST"] = address;

        var said = (await RunningProgram.RunAsync(start)).Exited(4);

        Assert.Contains("start Docker or Podman, or set DOCKER_HOST", said.Error, StringComparison.Ordinal);
        Assert.Single(said.Error.Trim().Split('\n'));
    }

    [Fact]
    public async Task An_address_that_is_none_is_wrong_use()
    {
        await using var desk = new Desk();
        var start = desk.Command(["run", desk.Write("job.json", Definition.Of("true").ToString())]);
        start.Environment["DOCKER_HOST"] = "ssh://somewhere";

        var said = (await RunningProgram.RunAsync(start)).Exited(2);

        Assert.Contains("is no address of a container engine", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Containers_that_outlive_their_engine_are_adopted_with_a_mark()
    {
        await using var machine = await PretendMachine.StartAsync(liveRestore: true);
        await using var desk = new Desk(machine.Engine);
        await using var berth = desk.Start(Definition.Of(CountsToAHundred));
        await berth.SaysAsync("line 5\n");

        await machine.KillEngineAsync();
        await berth.TellsAsync("does not answer");
        await machine.StartEngineAgainAsync();
        var said = (await berth.EndAsync()).Exited(0);

        Assert.Contains("The engine was away for", said.Error, StringComparison.Ordinal);
        Assert.Equal("line 100", said.Lines[^1]);
        Assert.Equal(said.Lines.Distinct(), said.Lines);
    }

    [Fact]
    public async Task Containers_that_die_with_their_engine_are_a_lost_job()
    {
        await using var machine = await PretendMachine.StartAsync(liveRestore: false);
        await using var desk = new Desk(machine.Engine);
        await using var berth = desk.Start(Definition.Of("echo up; while true; do usleep 50000; done"));
        await berth.SaysAsync("up");

        await machine.KillEngineAsync();
        await berth.TellsAsync("does not answer");
        await machine.StartEngineAgainAsync();
        var said = (await berth.EndAsync()).Exited(4);

        Assert.Contains("✗ job lost", said.Error, StringComparison.Ordinal);
        Assert.Contains("ended while the engine was away", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_engine_that_freezes_for_a_while_delays_the_run_and_no_more()
    {
        await using var machine = await PretendMachine.StartAsync();
        await using var desk = new Desk(machine.Engine);
        await using var berth = desk.Start(Definition.Of("seq 1 10; usleep 1000000; seq 11 20").Then("next", "echo and next"));
        await berth.SaysAsync("10\n");

        await machine.FreezeEngineAsync();
        await Task.Delay(TimeSpan.FromSeconds(4));
        await machine.ThawEngineAsync();
        var said = (await berth.EndAsync()).Exited(0);

        Assert.Equal([.. Enumerable.Range(1, 20).Select(number => $"op   | {number}"), "next | and next"], said.Lines);
    }

    [Fact]
    public async Task A_job_killed_for_its_memory_is_told_so()
    {
        var group = $"berth-{LabFolder.NewName("mem")}-{Environment.ProcessId}";
        using var small = SmallMemory.Make(group, 96 << 20);
        await using var machine = await PretendMachine.StartAsync(settings: $"\"cgroup-parent\": \"/{group}\"");
        await using var desk = new Desk(machine.Engine);

        var said = (await desk.RunAsync(Definition.Of("echo eating; x=0123456789; while true; do x=$x$x; done"), "--result", "result.json")).Exited(1);

        Assert.Contains("memory", said.Error, StringComparison.Ordinal);
        Assert.Contains("137", said.Error, StringComparison.Ordinal);
        Assert.True(desk.Result().GetProperty("opStates")[0].GetProperty("diagnostics").GetProperty("state").GetProperty("OOMKilled").GetBoolean());
    }

    [Fact]
    public async Task A_full_disk_of_the_engine_is_told_so()
    {
        await using var machine = await PretendMachine.StartSmallAsync("64M");
        await using var desk = new Desk(machine.Engine);

        var job = (await desk.RunAsync(Definition.Of("dd if=/dev/zero of=/big bs=1M count=500"))).Exited(1);
        Assert.Contains("No space left on device", job.Output, StringComparison.Ordinal);

        Fill(Path.Combine(LabFolder.Path, machine.Name, "data"));
        var said = (await desk.RunAsync(Definition.Of("echo never"))).Exited(4);
        Assert.Contains("no space left on device", said.Error, StringComparison.OrdinalIgnoreCase);
        File.Delete(Path.Combine(LabFolder.Path, machine.Name, "data", "filler"));
    }

    [Fact]
    public async Task A_full_disk_of_Berths_own_is_told_so_and_the_job_is_cleared_away()
    {
        var disk = Directory.CreateTempSubdirectory("berth-small-").FullName;
        (await RunningProgram.RunAsync(new ProcessStartInfo("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]))).Exited(0);
        try
        {
            await using var desk = new Desk(state: Path.Combine(disk, "state"));

            var said = (await desk.RunAsync(Definition.Of("seq 1 200000; while true; do sleep 1; done"))).Exited(4);

            Assert.Contains("No space left on device", said.Error, StringComparison.Ordinal);
            await desk.LeavesNothingAsync();
        }
        finally
        {
            await RunningProgram.RunAsync(new ProcessStartInfo("umount", [disk]));
            Directory.Delete(disk);
        }
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task An_engine_that_never_answers_is_given_up()
    {
        await using var machine = await PretendMachine.StartAsync();
        await using var desk = new Desk(machine.Engine);
        await machine.FreezeEngineAsync();

        await using var berth = desk.Start(TimeSpan.FromMinutes(4), int.MaxValue, Definition.Of("true"));
        var said = (await berth.EndAsync()).Exited(4);

        await machine.ThawEngineAsync();
        Assert.Contains("did not answer within", said.Error, StringComparison.Ordinal);
    }

    private static void Fill(string folder)
    {
        using var file = File.Create(Path.Combine(folder, "filler"));
        var block = new byte[4096];
        try
        {
            while (true)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            // Full, as it should be.
        }
    }
}
