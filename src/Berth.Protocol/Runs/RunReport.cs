using System.Collections.Immutable;
using System.Text.Json;

namespace Berth.Protocol;

/// <summary>
/// What happened in a run since the last report (<c>POST /runs/{run}/events</c>): events with the node's own numbers, and log lines. Repeating it changes nothing: what the
/// market has already is passed over. An empty one asks only for the receipt. The report with <c>run-ended</c> settles the run.
/// </summary>
public sealed record RunReport
{
    /// <summary>What the chunks of one report may unpack to together, bytes: two of the largest. More is refused (<see cref="ProblemTypes.TooLarge"/>).</summary>
    public const long MostUnpacked = 2L * LogChunk.LargestSize;

    public required long Fence { get; init; }

    /// <summary>Run events in the form of the journal, ascending by <c>number</c>, without gaps to what the market has.</summary>
    public ImmutableArray<JsonElement> Events { get; set; } = [];

    /// <summary>With the last event of a confidential job's run: its result, sealed (<see cref="Sealing.RunSeal"/>). Of other jobs the market makes it.</summary>
    public byte[]? Result { get; init; }

    /// <summary>Lines, for each operation without gaps to what the market has.</summary>
    public ImmutableArray<LogChunk> Logs { get; set; } = [];
}

/// <summary>How far the market has a run; the node goes on from there.</summary>
public sealed record RunReceipt
{
    /// <summary>The number of the last event the market has; 0 for none.</summary>
    public required long LastEvent { get; init; }

    /// <summary>The number of the last line the market has of each operation.</summary>
    public required ImmutableDictionary<string, long> LastLines { get; init; }

    /// <summary>The run has ended and is accounted for; the node may forget it.</summary>
    public bool IsSettled { get; init; }
}
