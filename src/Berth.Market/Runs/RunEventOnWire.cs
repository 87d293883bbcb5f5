using System.Text.Json;
using Berth.Jobs.Results;

namespace Berth.Market.Runs;

/// <summary>An event of a run as a node sent it: its number, and the JSON that is kept and passed on whatever its kind.</summary>
internal sealed record RunEventOnWire(long Number, bool IsEnd, JsonElement Json)
{
    private const int MostBytes = 4 << 20;

    /// <exception cref="RefusedException">It is no event.</exception>
    public static RunEventOnWire Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object
            || !json.TryGetProperty("kind", out var kind) || kind.ValueKind != JsonValueKind.String
            || !json.TryGetProperty("number", out var number) || !number.TryGetInt64(out var counted) || counted < 1)
        {
            throw RefusedException.Bad("An event is an object with a 'kind' and a 'number' from 1.");
        }

        var raw = json.GetRawText();
        if (raw.Length > MostBytes)
        {
            throw RefusedException.Bad($"Event {counted} is larger than {MostBytes >> 20} MiB.");
        }

        var read = RunEventJson.Read(System.Text.Encoding.UTF8.GetBytes(raw));
        return new RunEventOnWire(counted, read is RunEnded, json);
    }
}
