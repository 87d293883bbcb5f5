using System.Text.Json;
using Berth.Jobs;

namespace Berth.Protocol.Sealing;

/// <summary>
/// Seals what a run of a confidential job tells, and opens it again: who knows the job's key can do both, so what opens is what a node of the job said. In the open stay the numbers, times
/// and sizes, and of the last event the outcome, by which the market settles.
/// </summary>
public sealed class RunSeal(ContentKey job, RunId run) : IDisposable
{
    /// <summary>The kind of a sealed event.</summary>
    public const string Kind = "sealed";

    private const string LastKind = "run-ended";
    private const string Member = "sealed";
    private readonly ContentKey _events = job.For("events");
    private readonly ContentKey _logs = job.For("logs");
    private readonly ContentKey _results = job.For("results");

    /// <summary>What a node keeps of the run on its disk is sealed with this.</summary>
    public ContentKey Files { get; } = job.For($"files of {run}");

    /// <summary>The event as the market gets it.</summary>
    public JsonElement Seal(JsonElement happened)
    {
        var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            var number = happened.GetProperty("number").GetInt64();
            var isLast = happened.GetProperty("kind").ValueEquals(LastKind);
            json.WriteStartObject();
            json.WriteString("kind", isLast ? LastKind : Kind);
            if (isLast)
            {
                json.WritePropertyName("outcome");
                happened.GetProperty("outcome").WriteTo(json);
            }

            json.WriteNumber("number", number);
            json.WritePropertyName("at");
            happened.GetProperty("at").WriteTo(json);
            json.WriteBase64String(Member, _events.Seal(JsonSerializer.SerializeToUtf8Bytes(happened, WireJson.Answers.JsonElement), EventPurpose(number)));
            json.WriteEndObject();
        }

        return Parse(bytes.ToArray());
    }

    /// <summary>The event as the node wrote it, or null when it is not what a node of the job said.</summary>
    public JsonElement? TryOpen(JsonElement happened) =>
        happened.ValueKind == JsonValueKind.Object && happened.TryGetProperty("number", out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt64(out var counted)
        && happened.TryGetProperty(Member, out var made) && made.ValueKind == JsonValueKind.String && made.TryGetBytesFromBase64(out var bytes) && _events.Open(bytes, EventPurpose(counted)) is { } opened
            ? Parse(opened)
            : null;

    /// <summary>The event as the node wrote it.</summary>
    /// <exception cref="InvalidDataException">It is not what a node of the job said.</exception>
    public JsonElement Open(JsonElement happened) =>
        TryOpen(happened) ?? throw new InvalidDataException($"An event of run {run} does not open: it was changed after its node told it.");

    /// <summary>The chunk as the market gets it: its operation is a number, the place in the definition.</summary>
    public LogChunk Seal(LogChunk chunk, int index)
    {
        var made = chunk with { Operation = new OperationId($"{index}") };
        return made with { Data = _logs.Seal(chunk.Data, LogPurpose(made)) };
    }

    /// <summary>The chunk as the node packed it; <paramref name="nameOf"/> says what the operation at a place is called.</summary>
    /// <exception cref="InvalidDataException">It is not what a node of the job said.</exception>
    public LogChunk Open(LogChunk chunk, Func<string, OperationId> nameOf) => _logs.Open(chunk.Data, LogPurpose(chunk)) is { } data
        ? chunk with { Data = data, Operation = nameOf(chunk.Operation.Value) }
        : throw new InvalidDataException($"Lines {chunk.First} to {chunk.Last} of run {run} do not open: they were changed after their node told them.");

    /// <summary>The result as it is stored.</summary>
    public byte[] SealResult(ReadOnlySpan<byte> result) => _results.Seal(result, $"result {run}");

    /// <summary>The result as the node made it.</summary>
    /// <exception cref="InvalidDataException">It is not what a node of the job said.</exception>
    public byte[] OpenResult(ReadOnlySpan<byte> made) =>
        _results.Open(made, $"result {run}") ?? throw new InvalidDataException($"The result of run {run} does not open: it was changed after its node made it.");

    public void Dispose()
    {
        _events.Dispose();
        _logs.Dispose();
        _results.Dispose();
        Files.Dispose();
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> json)
    {
        using var parsed = JsonDocument.Parse(json);
        return parsed.RootElement.Clone();
    }

    private string EventPurpose(long number) => $"event {run} {number}";

    private string LogPurpose(LogChunk chunk) => $"log {run} {chunk.Operation} {chunk.First} {chunk.Last} {chunk.Size}";
}
