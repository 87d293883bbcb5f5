using System.Text.Json;
using System.Text.Json.Serialization;
using Berth.Jobs;
using Berth.Protocol.Identity;

namespace Berth.Protocol;

/// <summary>
/// One fact about a job in the order that everybody sees: what the market did with it, what its runs reported, and the chunks of its logs, under one
/// sequence per job. The sequence is the id of the event stream <c>GET /jobs/{job}/events</c>.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FallBackToBaseType)]
[JsonDerivedType(typeof(JobPosted), "job-posted")]
[JsonDerivedType(typeof(JobLeased), "job-leased")]
[JsonDerivedType(typeof(JobStarted), "job-started")]
[JsonDerivedType(typeof(JobRequeued), "job-requeued")]
[JsonDerivedType(typeof(JobExtended), "job-extended")]
[JsonDerivedType(typeof(JobStopping), "job-stopping")]
[JsonDerivedType(typeof(JobEnded), "job-ended")]
[JsonDerivedType(typeof(RunReported), "run")]
[JsonDerivedType(typeof(LogWritten), "log")]
public record JobEvent
{
    /// <summary>Counts up within the job, from 1.</summary>
    public long Sequence { get; init; }

    /// <summary>The market's time.</summary>
    public DateTimeOffset At { get; init; }
}

/// <summary>The job is in the queue of its market.</summary>
public sealed record JobPosted(string Market, Address Poster, Nos Deposit) : JobEvent;

/// <summary>A node has the right to run it.</summary>
public sealed record JobLeased(RunId Run, Address Node, int Attempt) : JobEvent;

/// <summary>The node accepted; the time that is paid counts from here.</summary>
public sealed record JobStarted(RunId Run) : JobEvent;

/// <summary>The attempt came to nothing and the job is at the head of the queue again.</summary>
public sealed record JobRequeued(RunId Run, string Reason) : JobEvent;

/// <summary>The timeout is longer now.</summary>
public sealed record JobExtended(long TimeoutSeconds, Nos Deposit) : JobEvent;

/// <summary>Its owner wants it to end.</summary>
public sealed record JobStopping : JobEvent;

/// <summary>The job is over for good, and paid.</summary>
public sealed record JobEnded(JobState State, JobOutcome Outcome) : JobEvent
{
    public string? Message { get; init; }

    /// <summary>What the job cost.</summary>
    public Nos Cost { get; init; }

    public Nos Refund { get; init; }
}

/// <summary>An event of a run, as the node wrote it; kinds this program does not know are passed on as they are.</summary>
public sealed record RunReported(RunId Run, int Attempt, JsonElement Event) : JobEvent;

/// <summary>More lines of an operation's log.</summary>
public sealed record LogWritten(RunId Run, int Attempt, LogChunk Chunk) : JobEvent;
