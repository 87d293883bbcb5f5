using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Xunit;

namespace Berth.Tests.Jobs.Results;

/// <summary>The result file has the shape clients know.</summary>
public sealed class RunResultWriterTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);
    private static readonly OperationId Only = new("only");

    [Fact]
    public void A_run_is_written_as_clients_know_it()
    {
        var result = Write(
            new ContainerStarting(Only, "berth-0", 0),
            new ContainerStarted(Only, "berth-0", "abc"),
            new ContainerExited(Only, "berth-0", 3) { State = new EngineState("exited", 3, false, "", Start, Start.AddSeconds(1)) },
            new OperationEnded(Only, OperationOutcome.Failed)
            {
                ExitCode = 3,
                Error = new OperationError(OperationFault.ImageDenied, "No."),
                Results = ImmutableDictionary<string, ResultValue>.Empty.Add("b", new() { Error = "SyntaxError: x" }).Add("a", new() { Matches = ["m", null] }),
            },
            new RunEnded(RunOutcome.Failed) { Message = "Broken." });

        Assert.Equal(
            """
            {"status":"failed","startTime":1700000000001,"endTime":1700000000007,"errors":["Broken."],"opStates":[{"providerId":"abc","operationId":"only","group":"g","status":"failed","startTime":1700000000002,"endTime":1700000000006,"exitCode":3,"logs":[{"type":"stdout","log":"hello\n","timestamp":"2023-11-14T22:13:20Z"},{"type":"nodeerr","log":"No.\n","timestamp":"2023-11-14T22:13:20Z"}],"results":{"a":["m",null],"b":"SyntaxError: x"},"errors":[{"event":"image-pull-error","message":"No."}],"diagnostics":{"reason":{"hostShutDown":false,"jobStopped":false,"jobExpired":false},"state":{"Status":"exited","Running":false,"OOMKilled":false,"ExitCode":3,"Error":"","StartedAt":"2023-11-14T22:13:20.0000000Z","FinishedAt":"2023-11-14T22:13:21.0000000Z","RestartCount":0}}}]}
            """,
            Compact(result));
    }

    [Theory]
    [InlineData(RunOutcome.Succeeded, OperationOutcome.Succeeded, "success", "success")]
    [InlineData(RunOutcome.Failed, OperationOutcome.Failed, "failed", "failed")]
    [InlineData(RunOutcome.Expired, OperationOutcome.Stopped, "failed", "stopped")]
    [InlineData(RunOutcome.StoppedByClient, OperationOutcome.Skipped, "stopped", "skipped")]
    [InlineData(RunOutcome.Lost, OperationOutcome.Stopped, "failed", "stopped")]
    public void An_outcome_has_a_word(RunOutcome outcome, OperationOutcome operation, string status, string operationStatus)
    {
        var result = Write(new OperationEnded(Only, operation), new RunEnded(outcome));

        Assert.Equal((status, operationStatus), (result.GetProperty("status").GetString(), result.GetProperty("opStates")[0].GetProperty("status").GetString()));
    }

    [Fact]
    public void A_run_that_goes_on_has_no_end()
    {
        var result = Write();

        Assert.Equal(("running", JsonValueKind.Null), (result.GetProperty("status").GetString(), result.GetProperty("endTime").ValueKind));
    }

    [Theory]
    [InlineData(StopReason.StoppedByClient, "jobStopped")]
    [InlineData(StopReason.Expired, "jobExpired")]
    [InlineData(StopReason.NodeShutdown, "hostShutDown")]
    public void Why_an_operation_was_stopped_is_in_its_diagnostics(StopReason reason, string member)
    {
        var diagnostics = Write(new OperationEnded(Only, OperationOutcome.Stopped) { Reason = reason })
            .GetProperty("opStates")[0].GetProperty("diagnostics").GetProperty("reason");

        Assert.Equal([member], diagnostics.EnumerateObject().Where(known => known.Value.ValueKind == JsonValueKind.True).Select(known => known.Name));
        Assert.StartsWith("Operation stopped: ", diagnostics.GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_left_out_of_a_log_is_one_mark_before_the_rest()
    {
        var result = Write(new LogTail(Lines(), 7), []);

        var logs = result.GetProperty("opStates")[0].GetProperty("logs").EnumerateArray().Select(entry => (entry.GetProperty("type").GetString(), entry.GetProperty("log").GetString())).ToArray();
        Assert.Equal([("nodeerr", "[berth: 7 earlier lines are in the full log only]\n"), ("stdout", "hello\n"), ("nodeerr", "No.\n")], logs);
    }

    [Fact]
    public void A_large_log_passes_through_without_being_kept()
    {
        using var output = new MemoryStream();
        var written = new List<long>();
        var line = new LogLine(LogStream.Stdout, Start, new byte[100_000]);

        RunResultWriter.Write(output, State(), _ => new LogTail(Enumerable.Range(0, 100).Select(_ => { written.Add(output.Length); return line; }), 0));

        Assert.True(written[^1] > output.Length / 2, $"only {written[^1]} of {output.Length} bytes had gone out before the last line");
    }

    private static JsonElement Write(params RunEvent[] events) => Write(new LogTail(Lines(), 0), events);

    private static JsonElement Write(LogTail tail, RunEvent[] events)
    {
        using var output = new MemoryStream();
        RunResultWriter.Write(output, State(events), _ => tail);
        return JsonDocument.Parse(output.ToArray()).RootElement;
    }

    private static RunState State(params RunEvent[] events)
    {
        RunEvent[] before =
        [
            new RunStarted { Run = RunId.New(), Job = JobId.New(), Operations = [new OperationOutline(Only, "g", IsContainer: true)] },
            new OperationStarting(Only),
        ];
        return RunState.Of(before.Concat(events).Select((happened, index) => happened with { Number = index + 1, At = Start.AddMilliseconds(index + 1) }));
    }

    private static LogLine[] Lines() =>
        [new(LogStream.Stdout, Start, "hello"u8.ToArray()), new(LogStream.Node, Start, "No."u8.ToArray())];

    private static string Compact(JsonElement element)
    {
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            element.WriteTo(json);
        }

        return Encoding.UTF8.GetString(output.ToArray());
    }
}
