using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Market.Jobs;

/// <summary>What may happen to a job. <see cref="JobLifecycle.After"/> says what comes of it.</summary>
internal abstract record JobChange(DateTimeOffset At)
{
    /// <summary>A slot got the job.</summary>
    public sealed record Leased(DateTimeOffset At, RunId Run, Address Node, string Slot, string Claim, DateTimeOffset Until) : JobChange(At);

    /// <summary>The node renewed its lease; the first time accepts it.</summary>
    public sealed record Renewed(DateTimeOffset At, long Fence, DateTimeOffset Until) : JobChange(At);

    /// <summary>The poster's client handed over what the node of the run needs to open what is sealed in the job.</summary>
    public sealed record HandedOver(DateTimeOffset At, RunId Run, SealedBox Box) : JobChange(At);

    /// <summary>The node got what was handed over; the first time, the time that is paid begins.</summary>
    public sealed record Opened(DateTimeOffset At, long Fence) : JobChange(At);

    /// <summary>A node has waited for long, and nothing was handed over.</summary>
    public sealed record HandoverLate(DateTimeOffset At) : JobChange(At);

    /// <summary>The poster's client is there again to hand things over.</summary>
    public sealed record PosterIsThere(DateTimeOffset At) : JobChange(At);

    /// <summary>The node reported the end of the run; <paramref name="Elsewhere"/> says whether another node could do it.</summary>
    public sealed record RunOver(DateTimeOffset At, long Fence, RunOutcome Outcome, string? Message, bool Elsewhere) : JobChange(At);

    /// <summary>The lease ran out and nothing was heard; so many leases of the job were never accepted.</summary>
    public sealed record LeaseLapsed(DateTimeOffset At, long Unaccepted = 0) : JobChange(At);

    /// <summary>The time was up long ago, or the node was told to end long ago, and it did not say that it did.</summary>
    public sealed record TimeRanOut(DateTimeOffset At) : JobChange(At);

    /// <summary>The owner wants it to end.</summary>
    public sealed record StopAsked(DateTimeOffset At, string Message) : JobChange(At);

    /// <summary>The owner gives it more time.</summary>
    public sealed record Extended(DateTimeOffset At, long TimeoutSeconds) : JobChange(At);
}
