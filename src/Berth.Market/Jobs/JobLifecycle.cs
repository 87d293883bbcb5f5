using System.Diagnostics;
using Berth.Jobs.Results;
using Berth.Protocol;

namespace Berth.Market.Jobs;

/// <summary>
/// The states of a job (design, "Job states"), as one pure function.
/// <code>
///                    leased                renewed                    run over: succeeded, failed, expired, stopped
///   Queued ─────────────────► Running ─────────────────► Running* ─────────────────────────────────────────► Completed
///     ▲  │                       │  lapsed, unaccepted      │
///     │  │ stop asked            ▼                          │ lapsed, run lost or refused
///     │  └──► Stopped         Queued                        ├─ attempts left ──► Queued
///     └─────────────────────────────────────────────────────┘─ none ───────────► Stopped (lost, refused)
///   * accepted: its seconds are paid. Where something is sealed, only from when the node got what opens it (opened); when nobody hands that over in time, it is queued again
/// </code>
/// </summary>
internal static class JobLifecycle
{
    /// <summary>How long after its timeout, or after it was told to stop, a running job is ended by the market when its node does not report the end.</summary>
    public static readonly TimeSpan ReportGrace = TimeSpan.FromMinutes(2);

    /// <summary>After so many leases that no node took up, one after the other, the job is given up.</summary>
    public const int MostUnaccepted = 5;

    /// <summary>How long a node waits, unpaid, for what is sealed in its job to be handed over.</summary>
    public static readonly TimeSpan HandoverPatience = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The job after the change, or null when the change comes too late to count: from a lease that is no longer in force, or for a job already finished. A node may
    /// report twice; the second report changes nothing.
    /// </summary>
    public static Job? After(Job job, JobChange happened) => (job.State, happened) switch
    {
        (JobState.Queued, JobChange.Leased e) => job with
        {
            State = JobState.Running,
            Fence = job.Fence + 1,
            Run = e.Run,
            Node = e.Node,
            Slot = e.Slot,
            Claim = e.Claim,
            LeasedUntil = e.Until,
            StartedAt = null,
        },
        (JobState.Queued, JobChange.StopAsked e) => End(job, JobState.Stopped, JobOutcome.StoppedByClient, e.Message, e.At),
        (JobState.Queued or JobState.Running, JobChange.Extended e) when e.TimeoutSeconds > job.TimeoutSeconds =>
            job with { TimeoutSeconds = e.TimeoutSeconds, Control = job.Control + 1 },

        (JobState.Queued, JobChange.PosterIsThere) when job.IsUnserved => job with { IsUnserved = false },

        (JobState.Running, JobChange.Renewed e) when e.Fence == job.Fence && e.At < job.LeasedUntil && job.Sealing != JobSealing.None && !job.IsAccepted => job with
        {
            AwaitsSince = job.AwaitsSince ?? e.At,
            Claim = null,
            LeasedUntil = e.Until,
        },
        (JobState.Running, JobChange.HandedOver e) when e.Run == job.Run && job is { Sealing: JobSealing.Poster, Handover: null, IsAccepted: false } =>
            job with { Handover = e.Box, Control = job.Control + 1 },
        (JobState.Running, JobChange.Opened e) when e.Fence == job.Fence && e.At < job.LeasedUntil && job.HasHandover => job with
        {
            Attempt = job.StartedAt is null ? job.Attempt + 1 : job.Attempt,
            StartedAt = job.StartedAt ?? e.At,
            AwaitsSince = null,
            Claim = null,
        },
        (JobState.Running, JobChange.HandoverLate e) when !job.IsAccepted && e.At >= job.AwaitsSince + HandoverPatience => job.HasHandover
            ? Again(
                job with { Attempt = job.Attempt + 1 },
                JobOutcome.Lost,
                $"The node {job.Node} did not take what was handed over for it within {HandoverPatience.TotalMinutes:0} minutes.",
                e.At)
            : Requeue(job) with
            {
                IsUnserved = true,
                Message = $"The node {job.Node} waited {HandoverPatience.TotalMinutes:0} minutes, and nobody handed over what is sealed in the job.",
            },

        (JobState.Running, JobChange.Renewed e) when e.Fence == job.Fence && e.At < job.LeasedUntil => job with
        {
            Attempt = job.StartedAt is null ? job.Attempt + 1 : job.Attempt,
            StartedAt = job.StartedAt ?? e.At,
            Claim = null,
            LeasedUntil = e.Until,
        },
        (JobState.Running, JobChange.StopAsked) when !job.IsAccepted =>
            End(job, JobState.Stopped, JobOutcome.StoppedByClient, "Stopped before it began.", happened.At),
        (JobState.Running, JobChange.StopAsked e) when !job.IsStopping => job with { StoppingSince = e.At, Control = job.Control + 1 },

        (JobState.Running, JobChange.RunOver e) when e.Fence == job.Fence && job.IsAccepted => e.Outcome switch
        {
            RunOutcome.Succeeded => End(job, JobState.Completed, JobOutcome.Succeeded, e.Message, e.At),
            RunOutcome.Failed => End(job, JobState.Completed, JobOutcome.Failed, e.Message, e.At),
            RunOutcome.Expired => End(job, JobState.Completed, JobOutcome.Expired, e.Message, e.At),
            RunOutcome.StoppedByClient => End(job, JobState.Completed, JobOutcome.StoppedByClient, e.Message, e.At),
            RunOutcome.Refused when !e.Elsewhere => End(job, JobState.Stopped, JobOutcome.Refused, e.Message ?? "The node refused it.", e.At),
            RunOutcome.Refused => Again(job with { RefusedBy = job.Node }, JobOutcome.Refused, e.Message ?? "The node refused it.", e.At),
            RunOutcome.Lost => Again(job, JobOutcome.Lost, e.Message ?? "The node lost it.", e.At),
            _ => throw new UnreachableException($"No such outcome: {e.Outcome}."),
        },

        (JobState.Running, JobChange.LeaseLapsed { Unaccepted: >= MostUnaccepted } e) when job.LeasedUntil <= e.At && !job.IsAccepted =>
            End(job, JobState.Stopped, JobOutcome.Lost, $"{MostUnaccepted} leases were given for it and no node took one up, the last time {job.Node}.", e.At),

        // A lease nobody accepted was no attempt: the node may never have heard of it.
        (JobState.Running, JobChange.LeaseLapsed e) when job.LeasedUntil <= e.At && !job.IsAccepted => Requeue(job),
        (JobState.Running, JobChange.LeaseLapsed e) when job.LeasedUntil <= e.At =>
            Again(job, JobOutcome.Lost, $"Nothing was heard of the node {job.Node} before its lease ran out.", e.At),
        (JobState.Running, JobChange.TimeRanOut e) when job.IsAccepted && e.At >= job.StoppingSince + ReportGrace =>
            End(job, JobState.Completed, JobOutcome.StoppedByClient, "The job was stopped, and its node did not report the end.", e.At),
        (JobState.Running, JobChange.TimeRanOut e) when e.At >= job.StartedAt?.AddSeconds(job.TimeoutSeconds) + ReportGrace =>
            End(job, JobState.Completed, JobOutcome.Expired, $"The job's time of {job.TimeoutSeconds} s was up, and its node did not report the end.", e.At),
        _ => null,
    };

    /// <summary>When, if nothing happens before, the lease has lapsed or the time has run out; null while nothing is due.</summary>
    public static DateTimeOffset? DueAt(Job job) => job.State == JobState.Running
        ? new[] { job.LeasedUntil, job.IsAccepted ? null : job.AwaitsSince + HandoverPatience, job.StartedAt?.AddSeconds(job.TimeoutSeconds) + ReportGrace, job.IsAccepted ? job.StoppingSince + ReportGrace : null }.Min()
        : null;

    /// <summary>Whole seconds, begun ones counted, from the accepted lease to the end, at most the timeout; 0 for an attempt that earns nothing.</summary>
    public static long PaidSeconds(Job ended) =>
        ended is { State: JobState.Completed, StartedAt: { } started, EndedAt: { } over }
            ? Math.Clamp((long)Math.Ceiling((over - started).TotalSeconds), 0, ended.TimeoutSeconds)
            : 0;

    private static Job Again(Job job, JobOutcome why, string message, DateTimeOffset at) => job switch
    {
        { IsStopping: true } => End(job, JobState.Stopped, JobOutcome.StoppedByClient, "The job was stopped while its node was lost.", at),
        _ when job.Attempt < job.Attempts => Requeue(job) with { Message = message },
        _ => End(job, JobState.Stopped, why, message, at),
    };

    private static Job Requeue(Job job) => job with
    {
        State = JobState.Queued,
        LeasedUntil = null,
        Claim = null,
        StartedAt = null,
        AwaitsSince = null,
        Handover = job.Sealing == JobSealing.Poster ? null : job.Handover,
        Result = null,
    };

    private static Job End(Job job, JobState state, JobOutcome outcome, string? message, DateTimeOffset at) =>
        job with { State = state, Outcome = outcome, Message = message, EndedAt = at, LeasedUntil = null, Claim = null };
}
