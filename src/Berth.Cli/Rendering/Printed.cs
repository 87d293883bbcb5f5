using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Berth.Protocol;

namespace Berth.Cli.Rendering;

/// <summary>Answers of a server as JSON for programs, and facts of them in words for people.</summary>
internal static class Printed
{
    private static WireJson Indented => field ??= new WireJson(new JsonSerializerOptions(WireJson.Default.Options) { WriteIndented = true });

    /// <summary>The answer as the server gave it, indented.</summary>
    public static void Json<T>(Surroundings around, T answer, Func<WireJson, JsonTypeInfo<T>> type)
    {
        around.Output.Write(JsonSerializer.SerializeToUtf8Bytes(answer, type(Indented)));
        around.Output.WriteByte((byte)'\n');
    }

    public static string State(JobFacts job) => job.Outcome is { } outcome ? $"{job.State}, {Words(outcome)}" : $"{job.State}";

    public static string Words(JobOutcome outcome) => outcome switch
    {
        JobOutcome.Succeeded => "succeeded",
        JobOutcome.Failed => "failed",
        JobOutcome.Expired => "out of time",
        JobOutcome.StoppedByClient => "stopped by its owner",
        JobOutcome.Lost => "lost",
        JobOutcome.Refused => "refused",
        _ => throw new System.Diagnostics.UnreachableException($"No words for {outcome}."),
    };

    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'");

    public static string? Time(DateTimeOffset? at) => at is { } time ? Time(time) : null;

    public static string Span(long seconds) => Durations.Words(TimeSpan.FromSeconds(seconds));

    /// <summary>A price a second and what that is an hour.</summary>
    public static string Price(Nos perSecond) => $"{perSecond} NOS/s ({perSecond * 3600} NOS/h)";

    public static string Artefact(ArtefactFacts artefact) =>
        $"{artefact.Operation}/{artefact.Name}  {artefact.Path}  {Files(artefact.Files)}, {Durations.Size(artefact.Bytes)}, packed {Durations.Size(artefact.Size)}  {artefact.Content}";

    public static string Files(int count) => count == 1 ? "1 file" : $"{count} files";

    public static string Short(string id) => id.Length > 12 ? $"{id[..8]}…" : id;
}
