using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Results;

/// <summary>The lines of one operation's log that go into a result, and how many came before them.</summary>
public sealed record LogTail(IEnumerable<LogLine> Lines, long LeftOut);

/// <summary>
/// Writes a run as the result file clients know (job-language.md 3.14, FlowState). The status words are those of 3.3, <c>skipped</c> added;
/// a failed operation makes a failed run, and a run that was out of time is never a success.
/// </summary>
public static class RunResultWriter
{
    /// <summary>How many log entries of an operation a result keeps; what came before is one mark.</summary>
    public const int LogEntries = 24_999;

    private const int BufferedBytes = 1 << 20;
    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    /// <summary>Writes the result; the tail of an operation's log is asked for when its turn comes and read once.</summary>
    public static void Write(Stream output, RunState state, Func<OperationId, LogTail> logOf)
    {
        using var json = new Utf8JsonWriter(output, Indented);
        json.WriteStartObject();
        json.WriteString("status", FlowStatus(state));
        Milliseconds(json, "startTime", state.StartedAt);
        Milliseconds(json, "endTime", state.EndedAt);
        if (state.Message is { } message)
        {
            json.WriteStartArray("errors");
            json.WriteStringValue(message);
            json.WriteEndArray();
        }

        json.WriteStartArray("opStates");
        foreach (var operation in state.Operations)
        {
            WriteOperation(json, operation, logOf(operation.Id));
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteOperation(Utf8JsonWriter json, OperationState operation, LogTail log)
    {
        json.WriteStartObject();
        json.WriteString("providerId", operation.ContainerId);
        json.WriteString("operationId", operation.Id.Value);
        json.WriteString("group", operation.Group);
        json.WriteString("status", OperationStatus(operation));
        Milliseconds(json, "startTime", operation.StartedAt);
        Milliseconds(json, "endTime", operation.EndedAt);
        if (operation.End?.ExitCode is { } exitCode)
        {
            json.WriteNumber("exitCode", exitCode);
        }
        else
        {
            json.WriteNull("exitCode");
        }

        WriteLogs(json, log);
        if (operation.End is { Results.Count: > 0 } end)
        {
            json.WriteStartObject("results");
            foreach (var (key, value) in end.Results.OrderBy(result => result.Key, StringComparer.Ordinal))
            {
                json.WritePropertyName(key);
                JsonSerializer.Serialize(json, value, RunEventJson.Default.ResultValue);
            }

            json.WriteEndObject();
        }

        WriteArtefacts(json, operation);
        json.WriteStartArray("errors");
        if (operation.End?.Error is { } error)
        {
            json.WriteStartObject();
            json.WriteString("event", ErrorEvent(error.Fault));
            json.WriteString("message", error.Message);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteDiagnostics(json, operation);
        json.WriteEndObject();
    }

    private static void WriteLogs(Utf8JsonWriter json, LogTail log)
    {
        json.WriteStartArray("logs");
        if (log.LeftOut > 0)
        {
            WriteEntry(json, LogStream.Node, null, $"[berth: {log.LeftOut} earlier lines are in the full log only]\n");
        }

        foreach (var line in log.Lines)
        {
            WriteEntry(json, line.Stream, line.At, Encoding.UTF8.GetString(line.Text.Span) + "\n");
            if (json.BytesPending > BufferedBytes)
            {
                json.Flush();
            }
        }

        json.WriteEndArray();
    }

    private static void WriteEntry(Utf8JsonWriter json, LogStream stream, DateTimeOffset? at, string text)
    {
        json.WriteStartObject();
        json.WriteString("type", StreamWord(stream));
        json.WriteString("log", text);
        if (at is { } time)
        {
            json.WriteString("timestamp", time.UtcDateTime);
        }

        json.WriteEndObject();
    }

    private static void WriteArtefacts(Utf8JsonWriter json, OperationState operation)
    {
        if (operation.Artefacts.IsEmpty)
        {
            return;
        }

        json.WriteStartArray("artefacts");
        foreach (var artefact in operation.Artefacts)
        {
            json.WriteStartObject();
            json.WriteString("name", artefact.Name);
            json.WriteString("path", artefact.Path);
            json.WriteString("content", artefact.Content);
            json.WriteNumber("size", artefact.Size);
            json.WriteNumber("files", artefact.Files);
            json.WriteNumber("bytes", artefact.Bytes);
            json.WriteStartArray("list");
            foreach (var file in artefact.List)
            {
                json.WriteStartObject();
                json.WriteString("path", file.Path);
                json.WriteNumber("size", file.Size);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteDiagnostics(Utf8JsonWriter json, OperationState operation)
    {
        var reason = operation.End?.Reason;
        json.WriteStartObject("diagnostics");
        json.WriteStartObject("reason");
        json.WriteBoolean("hostShutDown", reason == StopReason.NodeShutdown);
        json.WriteBoolean("jobStopped", reason == StopReason.StoppedByClient);
        json.WriteBoolean("jobExpired", reason == StopReason.Expired);
        if (reason is not null)
        {
            json.WriteString("reason", operation.End?.Error?.Message ?? $"Operation stopped: {ReasonWords(reason.Value)}");
        }

        json.WriteEndObject();
        if (operation.Exit?.State is { } engine)
        {
            json.WriteStartObject("state");
            json.WriteString("Status", engine.Status);
            json.WriteBoolean("Running", false);
            json.WriteBoolean("OOMKilled", engine.OutOfMemory);
            json.WriteNumber("ExitCode", engine.ExitCode);
            json.WriteString("Error", engine.Error);
            json.WriteString("StartedAt", engine.StartedAt?.UtcDateTime.ToString("O"));
            json.WriteString("FinishedAt", engine.FinishedAt?.UtcDateTime.ToString("O"));
            json.WriteNumber("RestartCount", operation.Restart);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void Milliseconds(Utf8JsonWriter json, string name, DateTimeOffset? at)
    {
        if (at is { } time)
        {
            json.WriteNumber(name, time.ToUnixTimeMilliseconds());
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static string FlowStatus(RunState state) => state.Outcome switch
    {
        null => "running",
        RunOutcome.Succeeded => "success",
        RunOutcome.StoppedByClient => "stopped",
        RunOutcome.Failed or RunOutcome.Expired or RunOutcome.Lost or RunOutcome.Refused => "failed",
        _ => throw new UnreachableException($"No word for {state.Outcome}."),
    };

    private static string OperationStatus(OperationState operation) => (operation.Phase, operation.Outcome) switch
    {
        (OperationPhase.Waiting, _) => "init",
        (_, null) => "running",
        (_, OperationOutcome.Succeeded) => "success",
        (_, OperationOutcome.Failed) => "failed",
        (_, OperationOutcome.Stopped) => "stopped",
        (_, OperationOutcome.Skipped) => "skipped",
        _ => throw new UnreachableException($"No word for {operation.Outcome}."),
    };

    private static string StreamWord(LogStream stream) => stream switch
    {
        LogStream.Stdout => "stdout",
        LogStream.Stderr => "stderr",
        LogStream.Stdin => "stdin",
        LogStream.Node => "nodeerr",
        _ => throw new UnreachableException($"No word for {stream}."),
    };

    private static string ErrorEvent(OperationFault fault) => fault switch
    {
        OperationFault.ImageNotFound or OperationFault.ImageDenied or OperationFault.RegistryUnavailable => "image-pull-error",
        OperationFault.Resource or OperationFault.ResourceUnavailable => "resource-error",
        OperationFault.Placeholder or OperationFault.Output or OperationFault.NotReady => "operation-error",
        _ => "container-runtime-error",
    };

    private static string ReasonWords(StopReason reason) => reason switch
    {
        StopReason.Expired => "its time was up",
        StopReason.StoppedByClient => "stopped by its owner",
        StopReason.DependentEnded => "an operation it goes with ended",
        StopReason.JobFailed => "another operation failed",
        StopReason.NodeShutdown => "the node went down",
        StopReason.LeaseLost => "the node lost its lease",
        _ => throw new UnreachableException($"No words for {reason}."),
    };
}
