using System.Collections.Immutable;
using System.Text;
using Berth.Jobs.Results;
using Berth.Node.Runs;
using Berth.Testing.Runs;
using Xunit;
using static Berth.Testing.Runs.TestRun;

namespace Berth.Tests.Node.Runs;

/// <summary>A run whose definition names secrets: the container has them, and nothing that is written or shown does.</summary>
public sealed class SecretRunTests
{
    private const string Value = "hunter2-hunter2";

    private static readonly string Naming = """ "env": { "TOKEN": { "secret": "TOKEN" }, "SHORT": { "secret": "SHORT" } } """;

    [Fact]
    public async Task The_container_has_the_value_and_neither_log_nor_events_nor_files_do()
    {
        using var run = Of(With(Value), Op("show", "fake/env", Naming, """ "results": { "token": "TOKEN=.*" } """));

        var state = await run.ExecuteAsync();

        // The scripted container printed what it was given.
        Assert.Contains("stdout TOKEN=•••", run.Log("show"));
        Assert.Contains("stdout TOKEN=•••", run.Shown("show"));
        Assert.Contains("stdout SHORT=abc", run.Log("show"));
        Assert.Equal(["TOKEN=•••"], state.Operations[0].End!.Results["token"].Matches);
        Assert.Contains(run.Notices, notice => notice.Contains("SHORT is shorter than 4 bytes and is not masked", StringComparison.Ordinal));
        Assert.All(run.Events, happened => Assert.DoesNotContain(Value, Encoding.UTF8.GetString(RunEventJson.Write(happened)), StringComparison.Ordinal));
        foreach (var file in Directory.EnumerateFiles(run.StateDirectory, "*", SearchOption.AllDirectories))
        {
            Assert.DoesNotContain(Value, await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_value_that_an_error_repeats_is_masked_in_the_event_and_in_the_log()
    {
        using var run = Of(With("fake/no-such-image"), Op("one", "%%global.variables.IMAGE%%", Naming).Replace("%%global.variables.IMAGE%%", "fake/no-such-image", StringComparison.Ordinal));

        var state = await run.ExecuteAsync();

        Assert.Equal(RunOutcome.Failed, state.Outcome);
        Assert.Contains("•••", state.Operations[0].End!.Error!.Message, StringComparison.Ordinal);
        Assert.Contains("•••", state.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("fake/no-such-image", string.Join("\n", run.Log("one")) + string.Join("\n", run.Events.OfType<OperationEnded>().Select(ended => ended.Error?.Message)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secret_without_a_value_fails_the_operation_and_says_which()
    {
        using var run = Of(Op("one", "fake/env", Naming));

        var state = await run.ExecuteAsync();

        Assert.Equal(RunOutcome.Failed, state.Outcome);
        Assert.Contains("the secret TOKEN has no value here", state.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_goes_on_after_a_crash_masks_what_comes_then()
    {
        using var run = Of(With(Value) with { Crash = new CrashPoint(1, Before: false) { At = happened => happened is ContainerStarted } }, Op("show", "fake/env", Naming));
        await run.ExecuteAsync();
        using var successor = run.Successor();

        Assert.Equal(RunOutcome.Succeeded, (await successor.ExecuteAsync()).Outcome);

        Assert.Contains("stdout TOKEN=•••", successor.Log("show"));
        Assert.DoesNotContain(successor.Log("show"), line => line.Contains(Value, StringComparison.Ordinal));
    }

    private static Wishes With(string token) => new() { Secrets = new RunSecrets(new Dictionary<string, string> { ["TOKEN"] = token, ["SHORT"] = "abc" }.ToImmutableDictionary()) };
}
