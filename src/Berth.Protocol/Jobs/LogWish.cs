using Berth.Jobs;

namespace Berth.Protocol;

/// <summary>
/// Which chunks of a job's logs are wanted. The market leaves out those that have nothing of it; whoever reads the others leaves out the lines that are not wanted.
/// </summary>
public sealed record LogWish
{
    /// <summary>Only this operation's; null is all.</summary>
    public OperationId? Operation { get; init; }

    /// <summary>Only lines from then on.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Of the lines there are, only so many from the end.</summary>
    public int? Tail { get; init; }

    /// <summary>The stream ends when everything there is now was told, though the job goes on.</summary>
    public bool OnlySoFar { get; init; }
}
