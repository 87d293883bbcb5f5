using Berth.Containers;
using Berth.Node.Resources;
using Berth.Node.Runs;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Node.Work;

/// <summary>What all runs of a node share; made once, changed by nobody.</summary>
internal sealed record NodeScope(Address Node, string StateDirectory, IContainerEngine Engine, MarketClient Client, NodeLog Log, ServerPatience Server, TimeProvider Time)
{
    public DecryptionKey? Key { get; init; }

    public Guarding Guarding { get; init; } = Guarding.Always;

    public RunLimits Limits { get; init; } = new();

    public required ResourceStore Resources { get; init; }

    /// <summary>This start of the machine; deadlines on its monotonic clock mean nothing after another.</summary>
    public required string BootId { get; init; }

    /// <summary>The seam for a disk that is full.</summary>
    public Func<string, FileStream> OpenJournal { get; init; } = RunJournal.OpenFile;
}
