namespace Berth.Protocol;

/// <summary>The four states that clients know (job-language.md 6.2).</summary>
public enum JobState
{
    Queued,
    Running,
    Completed,
    Stopped,
}

/// <summary>How a job ended. <see cref="Succeeded"/> to <see cref="StoppedByClient"/> after a start make it Completed; the others Stopped.</summary>
public enum JobOutcome
{
    Succeeded,

    /// <summary>An operation failed.</summary>
    Failed,

    /// <summary>Its time ran out.</summary>
    Expired,

    /// <summary>Its owner stopped it, queued (Stopped) or running (Completed).</summary>
    StoppedByClient,

    /// <summary>Nodes were lost, and no attempt is left.</summary>
    Lost,

    /// <summary>Nodes refused it, and no attempt is left.</summary>
    Refused,
}
