using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>A job that goes wrong says so: in its exit code, in a sentence, and by not going on.</summary>
public sealed class FailureTests
{
    [Fact]
    public async Task An_operation_that_exits_with_3_stops_the_job()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(new Definition().Then("first", "echo before; exit 3").Then("next", "echo never"), "--result", "result.json")).Exited(1);

        Assert.Equal(["first | before"], said.Lines);
        Assert.Contains("✗ job failed", said.Error, StringComparison.Ordinal);
        Assert.Contains("Operation 'first' failed with exit code 3.", said.Error, StringComparison.Ordinal);
        var states = desk.Result().GetProperty("opStates");
        Assert.Equal("failed", desk.Result().GetProperty("status").GetString());
        Assert.Equal(3, states[0].GetProperty("exitCode").GetInt32());
        Assert.Equal("skipped", states[1].GetProperty("status").GetString());
    }

    [Fact]
    public async Task What_depends_on_a_failed_operation_does_not_run()
    {
        await using var desk = new Desk();
        // A container counts as ready when it has started; only one that never starts fails its dependents for certain.
        var said = (await desk.RunAsync(new Definition()
            .Then("broken", "", """{"cmd":["/no/such/program"]}""", """{"execution":{"group":"g"}}""")
            .Then("dependent", "echo never", members: """{"execution":{"group":"g","depends_on":["broken"]}}"""))).Exited(1);

        Assert.DoesNotContain("never", said.Output, StringComparison.Ordinal);
        Assert.Contains("dependent - skipped", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_is_not_in_the_image_is_named()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("", """{"cmd":["/no/such/program"]}"""))).Exited(1);

        Assert.Contains("/no/such/program", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_operation_past_its_own_timeout_fails_the_job()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("echo begun; sleep 600", members: """{"execution":{"timeout":2}}"""), "--timeout", "1h")).Exited(1);

        Assert.Contains("timeout of 2s", said.Error, StringComparison.Ordinal);
        Assert.InRange(said.Took, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(40));
    }

    [Fact]
    public async Task A_job_past_its_timeout_is_stopped_and_never_a_success()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("trap 'exit 0' TERM; while true; do usleep 50000; done"), "--timeout", "2s", "--result", "result.json")).Exited(3);

        Assert.Contains("time is up", said.Error, StringComparison.Ordinal);
        Assert.Equal("failed", desk.Result().GetProperty("status").GetString());
        Assert.True(desk.Result().GetProperty("opStates")[0].GetProperty("diagnostics").GetProperty("reason").GetProperty("jobExpired").GetBoolean());
    }

    [Fact]
    public async Task An_invalid_definition_is_refused_before_anything_happens()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("echo never", """{"wrok_dir":"/x"}"""))).Exited(2);

        Assert.Contains("did you mean 'work_dir'?", said.Error, StringComparison.Ordinal);
        Assert.Empty(desk.Runs);
    }

    [Fact]
    public async Task An_operation_that_fails_at_first_is_started_again_as_its_policy_says()
    {
        await using var desk = new Desk();
        var job = Definition.Of(
            "echo try; [ -e /kept/tried ] && exit 0; touch /kept/tried; exit 1",
            """{"restart_policy":"on-failure","volumes":[{"name":"kept","dest":"/kept"}]}""");

        var said = (await desk.RunAsync(job)).Exited(0);

        Assert.Equal(["try", "try"], said.Lines);
        Assert.Contains("starting again", said.Error, StringComparison.Ordinal);
    }
}
