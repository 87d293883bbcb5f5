using Berth.Jobs.Definitions;

namespace Berth.Jobs.Results;

/// <summary>
/// One line a container wrote, without its newline: raw bytes, whatever they are. <see cref="Text"/> may borrow a buffer
/// that is only good until the next batch is asked for; who keeps it copies it.
/// </summary>
/// <param name="Stream">Where it was written.</param>
/// <param name="At">The engine's time of it, to 100 ns.</param>
/// <param name="Text">The bytes.</param>
/// <param name="LeftOut">How many bytes past the limit of a line were left out; 0 for a whole line.</param>
public readonly record struct LogLine(LogStream Stream, DateTimeOffset At, ReadOnlyMemory<byte> Text, long LeftOut = 0)
{
    /// <summary>What is said at the end of a line that was cut; empty for a whole line.</summary>
    public string CutMark => LeftOut > 0 ? $" [berth: line cut here, {LeftOut} more bytes left out]" : "";
}
