using Berth.EndToEndTests.Lab;
using Berth.Jobs.Results;

namespace Berth.EndToEndTests.Runs;

/// <summary>What a job prints is what a person gets, whole and in order.</summary>
public sealed class LogTests
{
    [Theory]
    [InlineData(2_000)]
    [InlineData(20_000)]
    [InlineData(100_000)]
    public async Task Every_line_of_a_burst_is_kept(int lines)
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of($"seq 1 {lines}"))).Exited(0);

        var all = Enumerable.Range(1, lines).Select(number => $"{number}").ToArray();
        Assert.Equal(all, said.Lines);
        Assert.Equal(all, desk.Log(0));
    }

    [Fact]
    public async Task A_line_of_three_million_bytes_is_whole()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo after"))).Exited(0);

        Assert.Equal([new string('x', 3_000_000), "after"], said.Lines);
        Assert.Equal(3_000_000, desk.Log(0)[0].Length);
    }

    [Fact]
    public async Task Control_characters_pass_untouched_into_a_file_and_bytes_that_are_no_text_do_no_harm()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("printf 'a\\000\\033[2Jb\\377c\\n'"))).Exited(0);

        // The engine itself keeps a stray byte as the sign for one.
        Assert.Equal("a\0\e[2Jb\uFFFDc\n", said.Output);
    }

    [Fact]
    public async Task Lines_of_both_streams_are_printed_and_prefixed_when_operations_could_be_mixed_up()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(new Definition().Then("one", "echo out").Then("other", "echo err >&2"))).Exited(0);

        Assert.Equal(["one   | out", "other | err"], said.Lines);
    }

    [Fact]
    public async Task As_json_every_line_is_one_event_of_a_known_kind()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("echo out; echo err >&2; printf '\\377\\n'; exit 3"), "--format", "json")).Exited(1);

        Assert.All(said.Lines, line => Assert.True(
            line.StartsWith("{\"kind\":\"log\",", StringComparison.Ordinal) || RunEventJson.Read(System.Text.Encoding.UTF8.GetBytes(line)) is not null, line));
        var logs = said.Events.Where(one => one.GetProperty("kind").GetString() == "log").ToArray();
        Assert.Equal(["err", "out", "\uFFFD"], logs.Select(log => log.GetProperty("text").GetString()!).Order(StringComparer.Ordinal));
        Assert.Equal("run-started", said.Events[0].GetProperty("kind").GetString());
        Assert.Equal("run-ended", said.Events[^1].GetProperty("kind").GetString());
        Assert.DoesNotContain("✓", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reader_that_goes_away_stops_the_job()
    {
        await using var desk = new Desk();
        var shell = new System.Diagnostics.ProcessStartInfo("bash") { WorkingDirectory = desk.Folder };
        var run = desk.Command(["run", desk.Write("job.json", Definition.Of("while true; do echo again; usleep 20000; done").ToString())]);
        foreach (var (name, value) in run.Environment)
        {
            shell.Environment[name] = value;
        }

        shell.ArgumentList.Add("-c");
        shell.ArgumentList.Add($"set -o pipefail; '{run.FileName}' run job.json | head -n 1");

        var said = await RunningProgram.RunAsync(shell);

        Assert.Equal(["again"], said.Lines);
        Assert.Equal(3, said.ExitCode);
    }
}
