using System.Collections.Immutable;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Protocol;

/// <summary>
/// Posts a job (<c>POST /jobs</c>). The same id with the same body is the same post, however often it is sent; with another body it is a conflict.
/// </summary>
public sealed record JobPost
{
    /// <summary>Made by the client: a fresh ed25519 public key.</summary>
    public required JobId Job { get; init; }

    /// <summary>The market's slug or address.</summary>
    public required string Market { get; init; }

    /// <summary>The document as it was written, kept byte for byte; at most 1 MiB of UTF-8. Of a confidential job a sealed box, as JSON, of at most 1.5 MiB.</summary>
    public required string Definition { get; init; }

    /// <summary>How <see cref="Definition"/> is to be read.</summary>
    public DefinitionFormat Format { get; init; }

    /// <summary>The longest the job may run, seconds; the market's default when null.</summary>
    public long? TimeoutSeconds { get; init; }

    /// <summary>Only this node may run it.</summary>
    public Address? Node { get; init; }

    /// <summary>How often it may be tried when nodes are lost: 1 or 2.</summary>
    public int Attempts { get; set; } = 2;

    /// <summary>Anybody may read its definition, logs and result.</summary>
    public bool IsPublic { get; init; }

    /// <summary>Refuse the post when the market's price is higher.</summary>
    public Nos? MaxPrice { get; init; }

    /// <summary>Artefacts to keep besides the definition's own <c>output</c>.</summary>
    public ImmutableArray<ArtefactWish> Artefacts { get; set; } = [];

    /// <summary>Folders of the poster's that the containers see; each was sent as an upload of the poster's before.</summary>
    public ImmutableArray<SourceMount> Sources { get; set; } = [];

    /// <summary>Queue the job even if no registered node could run it.</summary>
    public bool WaitForFit { get; init; }

    /// <summary>What a confidential job needs of a node, which the market cannot read from its definition; of others the definition says it.</summary>
    public JobRequirements? Requirements { get; init; }

    /// <summary>The poster's signature that this job is to run with this definition (<see cref="DefinitionSignature"/>), where something sealed is handed over for it.</summary>
    public byte[]? DefinitionSignature { get; init; }

    /// <summary>What <see cref="Node"/> needs to open what is sealed in the job (<see cref="Sealing.Handover"/>); without it the poster's client is asked for each run.</summary>
    public SealedBox? Handover { get; init; }
}

/// <summary>How a posted definition is written.</summary>
public enum DefinitionFormat
{
    /// <summary>JSON, comments and trailing commas allowed.</summary>
    Json,
    Yaml,

    /// <summary>A sealed box that is JSON itself (<see cref="SealedDefinition"/>): the job is confidential.</summary>
    Sealed,
}
