using System.Collections.Immutable;
using Berth.Jobs;
using Berth.Protocol.Identity;

namespace Berth.Protocol;

/// <summary>What anybody may know of a job: a line of <c>GET /jobs</c>.</summary>
public sealed record JobFacts
{
    public required JobId Job { get; init; }

    /// <summary>The market's slug.</summary>
    public required string Market { get; init; }

    public required Address Poster { get; init; }

    public required JobState State { get; init; }

    public JobOutcome? Outcome { get; init; }

    /// <summary>Per second.</summary>
    public required Nos Price { get; init; }

    public required long TimeoutSeconds { get; init; }

    public required DateTimeOffset PostedAt { get; init; }

    /// <summary>When the current attempt was accepted by its node.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Who runs it, or ran it last.</summary>
    public Address? Node { get; init; }

    /// <summary>The current or last attempt.</summary>
    public RunId? Run { get; init; }

    /// <summary>The how-manieth attempt runs or ran; 0 before the first.</summary>
    public int Attempt { get; init; }

    public bool IsPublic { get; init; }

    /// <summary>Only its poster can open definition, events, logs and result.</summary>
    public bool IsConfidential { get; init; }
}

/// <summary>Who hands over to the node of a run what is sealed in a job.</summary>
public enum JobSealing
{
    /// <summary>Nothing is sealed.</summary>
    None,

    /// <summary>The market: all of the job's secrets are market-held.</summary>
    Market,

    /// <summary>It was posted along, for the one node that may run the job.</summary>
    Pinned,

    /// <summary>The poster's client, after each lease.</summary>
    Poster,
}

/// <summary>A job in full (<c>GET /jobs/{job}</c>). What only poster, node and operator may know is null for others, unless the job is public.</summary>
public sealed record JobView
{
    public required JobFacts Facts { get; init; }

    /// <summary>Content id of the definition as posted.</summary>
    public required string Definition { get; init; }

    /// <summary>How the definition is written; sealed, the job is confidential.</summary>
    public DefinitionFormat Format { get; init; }

    /// <summary>Who hands over what is sealed in it.</summary>
    public JobSealing Sealing { get; init; }

    /// <summary>The poster's signature of the definition (<see cref="Protocol.Sealing.DefinitionSignature"/>).</summary>
    public byte[]? DefinitionSignature { get; init; }

    /// <summary>Content id of the result, once there is one.</summary>
    public string? Result { get; init; }

    /// <summary>A sentence on how it ended.</summary>
    public string? Message { get; init; }

    /// <summary>How many attempts there may be.</summary>
    public required int Attempts { get; init; }

    /// <summary>The place in the market's queue, from 1, counted up to 10,000; null when it does not wait.</summary>
    public long? QueuePosition { get; init; }

    /// <summary>Why it waits, in a sentence.</summary>
    public string? Waiting { get; init; }

    /// <summary>What a node must have.</summary>
    public required JobRequirements Requirements { get; init; }

    /// <summary>Deposited for it in all: price × timeout.</summary>
    public required Nos Deposit { get; init; }

    /// <summary>What the job cost, once it ended: the node's pay and the fee.</summary>
    public Nos? Cost { get; init; }

    /// <summary>What came back of the deposit.</summary>
    public Nos? Refund { get; init; }

    /// <summary>What the job has left behind so far; empty for those who may not read it.</summary>
    public ImmutableArray<ArtefactFacts> Artefacts { get; set; } = [];

    /// <summary>Folders of the poster's that the containers see; empty for those who may not read them.</summary>
    public ImmutableArray<SourceMount> Sources { get; set; } = [];

    /// <summary>The owner has asked it to stop.</summary>
    public bool IsStopping { get; init; }

    /// <summary>The sequence of the job's newest event.</summary>
    public required long LastEvent { get; init; }
}

/// <summary>What a job needs of a node: from <c>meta.system_requirements</c> and the operations' <c>gpu</c> and <c>required_vram</c>.</summary>
public sealed record JobRequirements
{
    /// <summary>GPUs in the slot at least; 0 runs anywhere.</summary>
    public int Gpus { get; init; }

    /// <summary>Memory of each GPU at least, MiB.</summary>
    public long VramMib { get; init; }

    /// <summary>Part of the GPU's model name, compared without case; null is any.</summary>
    public string? GpuModel { get; init; }

    /// <summary>The CUDA version the driver must offer at least, as major × 100 + minor; 0 is any. The smallest of <c>required_cuda</c>.</summary>
    public int Cuda { get; init; }

    /// <summary>Memory of the machine for the slot at least, MiB.</summary>
    public long MemoryMib { get; init; }

    /// <summary>Free disk at least, MiB.</summary>
    public long DiskMib { get; init; }

    /// <summary>CPU cores at least.</summary>
    public int Cpus { get; init; }
}

/// <summary>Asks for more time (<c>POST /jobs/{job}/extend</c>): the new timeout in all, longer than before. Repeating it changes nothing.</summary>
public sealed record JobExtension(long TimeoutSeconds);

/// <summary>Filters of <c>GET /jobs</c>; null passes everything.</summary>
public sealed record JobFilter
{
    public JobState? State { get; init; }

    /// <summary>Slug or address.</summary>
    public string? Market { get; init; }

    public Address? Node { get; init; }

    public Address? Poster { get; init; }

    /// <summary>The cursor of the page before.</summary>
    public string? After { get; init; }

    /// <summary>1 to 200.</summary>
    public int Limit { get; init; } = 50;
}
