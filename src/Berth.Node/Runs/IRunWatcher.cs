using Berth.Jobs;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>
/// Sees a run happen: the terminal, the NDJSON stream, the way to the market. Called in order, one call at a time for events and one
/// at a time for each operation's lines; a watcher that is slow slows the reading of the log, not the memory.
/// </summary>
public interface IRunWatcher
{
    void Happened(RunEvent happened);

    /// <summary>New lines of an operation's log, which are in its file already; their bytes are borrowed until the call returns.</summary>
    void Wrote(OperationId operation, IReadOnlyList<LogLine> lines);
}
