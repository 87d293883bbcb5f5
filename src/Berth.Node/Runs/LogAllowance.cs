namespace Berth.Node.Runs;

/// <summary>The bytes of log text a run may still keep, shared by all its operations.</summary>
internal sealed class LogAllowance(long bytes)
{
    private long _left = bytes;

    /// <summary>Takes the bytes; false, once and for ever, when the run has used up what it may keep.</summary>
    public bool Take(long bytes) => Interlocked.Add(ref _left, -bytes) >= 0;
}
