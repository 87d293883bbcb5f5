using System.Collections.Immutable;
using Berth.Node.Capacity;
using Berth.Node.Runs;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Node.Work;

/// <summary>How a host lends a machine.</summary>
public sealed record NodeSettings
{
    public required Address Node { get; init; }

    /// <summary>Opens what is handed over to the node; without it the node gets no job in which something is sealed.</summary>
    public DecryptionKey? Key { get; init; }

    /// <summary>Slug or address of the market it serves.</summary>
    public required string Market { get; init; }

    /// <summary>The folder of this node's runs.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>The GPUs of each slot; empty is one slot with all of them.</summary>
    public ImmutableArray<GpuChoice> Slots { get; init; } = [];

    public Guarding Guarding { get; init; } = Guarding.Always;

    public RunLimits Limits { get; init; } = new();

    /// <summary>How long folders of settled runs are kept to be looked at.</summary>
    public TimeSpan KeepFolders { get; init; } = TimeSpan.FromHours(24);
}
