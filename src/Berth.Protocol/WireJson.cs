using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Berth.Jobs.Results;
using Berth.Protocol.Sealing;

namespace Berth.Protocol;

/// <summary>
/// The JSON of the wire. <see cref="Answers"/> tolerates members it does not know, so that a program of an earlier version reads a later server;
/// <see cref="Requests"/> refuses them, so that a typing mistake is told. A member that has a default and may be left out is <c>set</c>, not <c>init</c>: generated readers assign
/// every <c>init</c> member, those that are not there with nothing.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    AllowOutOfOrderMetadataProperties = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ServerFacts))]
[JsonSerializable(typeof(ServerProblem))]
[JsonSerializable(typeof(JobPost))]
[JsonSerializable(typeof(JobView))]
[JsonSerializable(typeof(JobExtension))]
[JsonSerializable(typeof(JobEvent))]
[JsonSerializable(typeof(Page<JobFacts>))]
[JsonSerializable(typeof(ClaimRequest))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(RenewalRequest))]
[JsonSerializable(typeof(Renewal))]
[JsonSerializable(typeof(RunReport))]
[JsonSerializable(typeof(RunReceipt))]
[JsonSerializable(typeof(UploadOpening))]
[JsonSerializable(typeof(UploadReceipt))]
[JsonSerializable(typeof(UploadEnding))]
[JsonSerializable(typeof(ArtefactFacts))]
[JsonSerializable(typeof(ImmutableArray<ArtefactWish>))]
[JsonSerializable(typeof(ImmutableArray<SourceMount>))]
[JsonSerializable(typeof(NodeRegistration))]
[JsonSerializable(typeof(NodeFacts))]
[JsonSerializable(typeof(Page<NodeFacts>))]
[JsonSerializable(typeof(MarketFacts))]
[JsonSerializable(typeof(MarketDraft))]
[JsonSerializable(typeof(MarketChange))]
[JsonSerializable(typeof(Page<MarketFacts>))]
[JsonSerializable(typeof(AccountFacts))]
[JsonSerializable(typeof(Page<EntryFacts>))]
[JsonSerializable(typeof(EntryFacts))]
[JsonSerializable(typeof(Grant))]
[JsonSerializable(typeof(SealedBox))]
[JsonSerializable(typeof(OpeningRequest))]
[JsonSerializable(typeof(Page<HandoverWanted>))]
[JsonSerializable(typeof(SecretDraft))]
[JsonSerializable(typeof(SecretFacts))]
[JsonSerializable(typeof(Page<SecretFacts>))]
[JsonSerializable(typeof(JsonElement))]
public sealed partial class WireJson : JsonSerializerContext
{
    /// <summary>For what a server answers.</summary>
    public static WireJson Answers => Default;

    /// <summary>For what a server is asked: unknown and repeated members are errors.</summary>
    public static WireJson Requests => field ??= new(new JsonSerializerOptions(Default.Options)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
    });
}
