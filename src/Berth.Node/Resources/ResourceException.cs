namespace Berth.Node.Resources;

/// <summary>Why a resource could not be fetched.</summary>
public enum ResourceFault
{
    /// <summary>There is no such thing there.</summary>
    Missing,

    /// <summary>It is there, and not for these credentials.</summary>
    Denied,

    /// <summary>It lies where this host lets nobody fetch from.</summary>
    Forbidden,

    /// <summary>What came is not what was promised: another digest or length.</summary>
    Mismatch,

    /// <summary>It became another while it was being fetched.</summary>
    Changed,

    /// <summary>It is more than this host keeps.</summary>
    TooMuch,

    /// <summary>The disk has no room for it.</summary>
    DiskFull,

    /// <summary>Whoever has it does not answer, or stumbles each time.</summary>
    Unavailable,

    /// <summary>What is asked for, or the answer, makes no sense.</summary>
    Unusable,
}

/// <summary>A resource could not be fetched. The message is a sentence for the job's owner, without credentials and signed addresses.</summary>
public sealed class ResourceException(ResourceFault fault, string message, Exception? inner = null) : Exception(message, inner)
{
    public ResourceFault Fault => fault;

    /// <summary>How long the server wants to be left alone.</summary>
    internal TimeSpan? RetryAfter { get; init; }

    /// <summary>Where S3 says the bucket is, when it was asked in another region.</summary>
    internal string? BucketRegion { get; init; }

    internal bool IsTransient => fault == ResourceFault.Unavailable;
}
