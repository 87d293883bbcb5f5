using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Berth.Jobs;

namespace Berth.Protocol.Sealing;

/// <summary>
/// What a node needs to open what is sealed in one job, sealed for that node alone: made by the poster's client, or, where all of the job's secrets are market-held, by the market.
/// It names the definition it is for, so that it is of no use with another one.
/// </summary>
public sealed record Handover
{
    /// <summary>The largest one, bytes before it is sealed.</summary>
    public const int LargestSize = 1 << 20;

    /// <summary>Content id of the definition as it was posted.</summary>
    public required string Definition { get; init; }

    /// <summary>The key that a confidential job's definition, events, logs and result are sealed with.</summary>
    public byte[]? JobKey { get; init; }

    /// <summary>The values of the secrets that the definition names.</summary>
    public ImmutableDictionary<string, string> Secrets { get; set; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Seals it for the node.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">The node's key is not signed by the node.</exception>
    public SealedBox SealFor(JobId job, EncryptionKey node) =>
        SealedBox.Seal(JsonSerializer.SerializeToUtf8Bytes(this, SealingJson.Default.Handover), Purpose(job, node.Owner.Value), node);

    /// <summary>What was handed over to this node for the job, or null when the box is not that.</summary>
    public static Handover? Open(SealedBox box, JobId job, DecryptionKey node)
    {
        try
        {
            return box.Open(node, Purpose(job, node.Owner.Value)) is { } content ? JsonSerializer.Deserialize(content, SealingJson.Default.Handover) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public override string ToString() => $"Handover {{ Definition = {Definition}, Secrets = {string.Join(", ", Secrets.Keys)} }}";

    private static string Purpose(JobId job, string node) => $"handover {job} {node}";
}

/// <summary>A node has a run of a job and waits for the poster to hand over what is sealed in it (<c>GET /handovers</c>).</summary>
/// <param name="Job">The job.</param>
/// <param name="Run">The run that waits.</param>
/// <param name="Node">The key of the node that has it, signed by the node.</param>
public sealed record HandoverWanted(JobId Job, RunId Run, EncryptionKey Node);

/// <summary>A node asks for what was handed over for its run (<c>POST /runs/{run}/opening</c>); the first answer that has it starts the time that is paid. The answer waits, 204 says not yet.</summary>
public sealed record OpeningRequest
{
    public required long Fence { get; init; }

    /// <summary>How long the answer may wait, seconds, at most 30.</summary>
    public double WaitSeconds { get; init; }
}

/// <summary>The forms that are sealed; none of them is ever on the wire as itself.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(Handover))]
internal sealed partial class SealingJson : JsonSerializerContext;
