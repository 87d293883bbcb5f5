using System.Collections.Immutable;
using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Node.Artefacts;
using Berth.Node.Capacity;

namespace Berth.Node.Runs;

/// <summary>When an image is pulled.</summary>
public enum PullPolicy
{
    /// <summary>Only when the engine has none of that name.</summary>
    Missing,

    /// <summary>Before every operation.</summary>
    Always,

    /// <summary>Never; a missing image fails the operation.</summary>
    Never,
}

/// <summary>Whether a run's containers are kept from the machine and what lies around it.</summary>
public enum Guarding
{
    /// <summary>They are, and where that cannot be the run says so and goes on.</summary>
    WherePossible,

    /// <summary>Where that cannot be, nothing is started.</summary>
    Always,

    /// <summary>The host lets jobs reach everything.</summary>
    Never,
}

/// <summary>One run as it is asked of the executor: the job, and what this machine allows it.</summary>
public sealed record RunRequest
{
    public required RunId Run { get; init; }

    public required JobId Job { get; init; }

    public required JobDefinition Definition { get; init; }

    /// <summary>The longest the job may run, as far as is known at its start; null is no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Brings a longer timeout while the run is under way.</summary>
    public RunExtension Extension { get; init; } = new();

    public PullPolicy Pull { get; init; }

    /// <summary>The GPUs operations that ask for them get; null runs them without.</summary>
    public GpuChoice? Gpu { get; init; } = GpuChoice.All;

    /// <summary>Into how many equal parts the machine is divided, of which this run has one.</summary>
    public int Shares { get; init; } = 1;

    public Guarding Guarding { get; init; }

    /// <summary>Artefacts to keep besides the definition's own <c>output</c>.</summary>
    public ImmutableArray<ArtefactWish> Artefacts { get; init; } = [];

    /// <summary>Folders of this machine that every container sees and cannot write to.</summary>
    public ImmutableArray<FolderBinding> Folders { get; init; } = [];

    /// <summary>The folder of this machine that artefacts are copied to, one folder an operation.</summary>
    public string OutputDirectory { get; init; } = "berth-output";

    /// <summary>Where artefacts go instead of <see cref="OutputDirectory"/>.</summary>
    internal IOutputPlace? Outputs { get; init; }

    /// <summary>Whether <c>output</c> folders are copied there; of a confidential job nothing may lie open on a disk.</summary>
    public bool TakesOutput { get; init; } = true;

    /// <summary>The values of what the definition names as secrets.</summary>
    public RunSecrets Secrets { get; init; } = RunSecrets.None;

    /// <summary>What placeholders call the node; its address on a network.</summary>
    public string Host { get; init; } = "local";

    /// <summary>What placeholders call the job's owner.</summary>
    public string Project { get; init; } = "local";

    /// <summary>The domain endpoints are served under.</summary>
    public string IngressDomain { get; init; } = "localhost";

    public RunLimits Limits { get; init; } = new();
}

/// <summary>The times and sizes a host sets for every run.</summary>
public sealed record RunLimits
{
    /// <summary>How long a container may take to end after SIGTERM.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an engine may be away before the run is given up.</summary>
    public TimeSpan EnginePatience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Longest line of a log, bytes; the rest of a longer one is left out with a mark.</summary>
    public int LogLine { get; init; } = 16 << 20;

    /// <summary>All log text of a run, bytes; what comes after is left out with one mark.</summary>
    public long LogTotal { get; init; } = 10L << 30;

    /// <summary>Most files of one artefact.</summary>
    public int OutputFiles { get; init; } = 1_000_000;

    /// <summary>All bytes of a folder that a job was posted with, unpacked.</summary>
    public long SourceBytes { get; init; } = 100L << 30;

    /// <summary>All bytes of one artefact, unpacked.</summary>
    public long OutputBytes { get; init; } = 1L << 40;

    /// <summary>Pauses between the questions of a health check: from the first of these up to the second until it succeeds, then every third.</summary>
    public HealthPace Health { get; init; } = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30));
}

/// <summary>How often health checks are asked.</summary>
public sealed record HealthPace(TimeSpan First, TimeSpan Longest, TimeSpan Continuous);
