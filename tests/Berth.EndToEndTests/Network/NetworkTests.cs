using System.Text.RegularExpressions;
using Berth.EndToEndTests.Lab;
using Berth.Jobs;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.EndToEndTests.Network;

/// <summary>Jobs through a real server and a real node, as a client sees them.</summary>
public sealed class NetworkTests
{
    [Fact]
    public async Task A_posted_job_is_followed_to_its_end_and_its_code_is_the_commands()
    {
        await using var network = await LocalNetwork.StartAsync();

        var good = await network.BerthAsync("job", "post", "--wait", Checkout.Example("pipeline"));
        var bad = await network.BerthAsync("job", "post", "--wait", "--image", Definition.Busybox, "--", "echo", "before;", "exit", "3");

        good.Exited(0);
        Assert.Contains("report    | 5 words, 4 of them different", good.Lines);
        bad.Exited(1);
        Assert.Contains("before", bad.Output, StringComparison.Ordinal);
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_jobs_log_and_result_are_there_when_it_is_over()
    {
        await using var network = await LocalNetwork.StartAsync();
        var job = (await network.BerthAsync("job", "post", "--image", Definition.Busybox, "--", "seq 1 30000")).Exited(0).Lines[0];

        var followed = (await network.BerthAsync("job", "logs", "-f", job)).Exited(0);
        var past = (await network.BerthAsync("job", "logs", job)).Exited(0);
        var result = (await network.BerthAsync("job", "result", job)).Exited(0);

        var expected = Enumerable.Range(1, 30000).Select(number => $"{number}");
        Assert.Equal(expected, followed.Lines);
        Assert.Equal(expected, past.Lines);
        Assert.Contains("\"status\": \"success\"", result.Output, StringComparison.Ordinal);
        (await network.BerthAsync("job", "wait", job)).Exited(0);
    }

    [Fact]
    public async Task Of_a_log_the_end_one_operation_or_a_span_of_time_is_printed_live_and_past_alike()
    {
        await using var network = await LocalNetwork.StartAsync();
        const string Together = """{"execution":{"group":"together"}}""";
        var two = new Definition().Then("many", "seq 1 20000; sleep 3; echo last; sleep 6", members: Together).Then("few", "echo one; echo two", members: Together);
        var job = (await network.BerthAsync("job", "post", network.Write("job.json", two))).Exited(0).Lines[0];
        await network.UntilAsync(async () => (await network.BerthAsync("job", "logs", job)).Lines.Contains("many | last"), "the log to be there");

        await LookAsync();
        Assert.Equal(JobState.Completed, (await network.EndOfAsync(Berth.Jobs.JobId.Parse(job, null))).Facts.State);
        await network.UntilAsync(async () => (await network.BerthAsync("job", "logs", job, "--until", "1h")).Lines.Length == 0, "nothing that is older");
        await LookAsync();

        async Task LookAsync()
        {
            Assert.Equal(["many | 20000", "many | last"], (await network.BerthAsync("job", "logs", job, "--op", "many", "--tail", "2")).Exited(0).Lines);
            Assert.Equal(["few  | one", "few  | two"], (await network.BerthAsync("job", "logs", job, "--op", "few")).Exited(0).Lines);
            Assert.Equal(20003, (await network.BerthAsync("job", "logs", job, "--since", "1h")).Exited(0).Lines.Length);
            Assert.Matches(@"^few  \| \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z one$", (await network.BerthAsync("job", "logs", job, "--op", "few", "--timestamps")).Exited(0).Lines[0]);
            Assert.Empty((await network.BerthAsync("job", "logs", job, "--op", "none")).Exited(0).Lines);
        }
    }

    [Fact]
    public async Task A_running_job_is_stopped_by_its_owner_and_pays_for_what_it_used()
    {
        await using var network = await LocalNetwork.StartAsync();
        var job = await network.PostAsync(Definition.Of("sleep 1000"));
        await network.UntilAsync(async () => (await network.Client.GetJobAsync(job.Facts.Job, CancellationToken.None)).LastEvent > 6, "the job to run");

        var stopped = (await network.BerthAsync("job", "stop", "--wait", job.Facts.Job.Value)).Exited(0);

        Assert.Contains("stopped by its owner", stopped.Output, StringComparison.Ordinal);
        var ended = await network.EndOfAsync(job.Facts.Job);
        Assert.Equal((JobState.Completed, JobOutcome.StoppedByClient), (ended.Facts.State, ended.Facts.Outcome));
        Assert.True(ended.Cost > Nos.Zero && ended.Cost < new Nos(48 * 60), $"It cost {ended.Cost}.");
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_node_that_is_told_to_end_finishes_what_it_has_and_takes_nothing_new()
    {
        await using var network = await LocalNetwork.StartAsync();
        var job = await network.PostAsync(Definition.Of("echo begun; sleep 4; echo finished"));
        await network.UntilAsync(async () => (await network.Client.GetJobAsync(job.Facts.Job, CancellationToken.None)).LastEvent > 6, "the job to run");

        (await network.EndAsync("node1")).Exited(0);

        Assert.Equal(JobOutcome.Succeeded, (await network.EndOfAsync(job.Facts.Job)).Facts.Outcome);
        Assert.Equal(["begun", "finished"], await network.LogAsync(job.Facts.Job));
        Assert.Equal(JobState.Queued, (await network.PostAsync(Definition.Of("true"))).Facts.State);
    }

    [Fact]
    public async Task A_demo_that_is_interrupted_leaves_nothing()
    {
        await using var desk = new Desk();
        var start = desk.Command(["demo", desk.Write("sleeps.json", $"{Definition.Of("echo begun; sleep 600")}")]);
        start.Environment["BERTH_SERVER_PROGRAM"] = Checkout.ServerProgram;
        var folder = Directory.CreateTempSubdirectory("b-").FullName;
        start.Environment["TMPDIR"] = folder;
        await using var demo = RunningProgram.Start(start);
        await demo.SaysAsync("begun");

        demo.Signal(2);

        var said = (await demo.EndAsync()).Exited(130);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        Directory.Delete(folder);
        await EngineLeftovers.NoneOfAsync(Engine.Shared, new RunId(Regex.Match(said.Error, "run ([1-9A-HJ-NP-Za-km-z]+), may take").Groups[1].Value), said);
    }

    [Fact]
    public async Task What_a_node_says_of_itself_cannot_act_on_a_terminal()
    {
        await using var network = await LocalNetwork.StartAsync(nodes: 0);
        using var key = SigningKey.New();
        using var impostor = MarketClient.Connect(network.Address(), key, TimeProvider.System);
        await impostor.RegisterAsync(
            key.Address,
            new NodeRegistration
            {
                Market = LocalNetwork.Market,
                Instance = "1",
                Machine = new MachineFacts { Cpus = 1, MemoryMib = 1024, DiskMib = 1024, Engine = "Docker\e]52;c;ZXZpbA==\a 1", Version = "0\n1", Gpus = [new GpuFacts("GPU-0", "Tesla\e[2J\nX", 1024)] },
                Slots = [new SlotFacts { Slot = "0", Gpus = ["GPU-0"], Cpus = 1, MemoryMib = 1024 }],
            },
            CancellationToken.None);

        foreach (var command in new string[][] { ["node", "list"], ["node", "view", key.Address.Value] })
        {
            var said = (await network.BerthAsync(command)).Exited(0);
            Assert.Contains("Tesla", said.Output, StringComparison.Ordinal);
            Assert.DoesNotContain(said.Output, character => char.IsControl(character) && character != '\n');
            Assert.DoesNotContain("\nX", said.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_demo_runs_a_job_through_a_network_of_its_own_and_leaves_nothing()
    {
        await using var desk = new Desk();
        var start = desk.Command(["demo", Checkout.Example("hello-world")]);
        start.Environment["BERTH_SERVER_PROGRAM"] = Checkout.ServerProgram;
        start.Environment["TMPDIR"] = desk.Folder;

        var said = (await RunningProgram.RunAsync(start)).Exited(0);

        Assert.Contains("hello world", said.Lines);
        Assert.Contains("the client paid", said.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(desk.Folder));
    }
}
