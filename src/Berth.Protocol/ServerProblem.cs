using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Berth.Protocol;

/// <summary>
/// An error answer (RFC 9457, <c>application/problem+json</c>). <see cref="Type"/> ends in one of <see cref="ProblemTypes"/>; <see cref="Detail"/> is a
/// sentence for people that says what to do.
/// </summary>
public sealed record ServerProblem
{
    public string? Type { get; init; }

    public string? Title { get; init; }

    public int? Status { get; init; }

    public string? Detail { get; init; }

    /// <summary>The server's clock, in 401 answers for a clock that is off.</summary>
    public DateTimeOffset? ServerTime { get; init; }

    /// <summary>The faults of a definition that was refused, each with its place.</summary>
    public ImmutableArray<DefinitionFault>? Problems { get; init; }

    /// <summary>The last part of <see cref="Type"/>, or null when there is none.</summary>
    [JsonIgnore]
    public string? Code => Type is { } type && type.LastIndexOfAny(['/', ':']) is var cut ? type[(cut + 1)..] : null;
}

/// <summary>One fault of a definition: where it is and what is wrong (the reader's own words).</summary>
public sealed record DefinitionFault(string Path, int Line, int Column, string Message);

/// <summary>The codes that programs may rely on; <c>type</c> is <c>urn:berth:problem:</c> and one of these.</summary>
public static class ProblemTypes
{
    public const string Prefix = "urn:berth:problem:";

    /// <summary>400: the request is not what the route takes.</summary>
    public const string BadRequest = "bad-request";

    /// <summary>400: the definition has faults, listed in <c>problems</c>.</summary>
    public const string InvalidDefinition = "invalid-definition";

    /// <summary>401: no signature, or one that does not hold.</summary>
    public const string NotSigned = "not-signed";

    /// <summary>401: the signature is of another time; <c>serverTime</c> says the server's.</summary>
    public const string ClockSkew = "clock-skew";

    /// <summary>401: the nonce was used before.</summary>
    public const string Replay = "replay";

    /// <summary>402: the account has too little; the detail says by how much.</summary>
    public const string TooLittleBalance = "too-little-balance";

    /// <summary>403: somebody else's.</summary>
    public const string NotAllowed = "not-allowed";

    /// <summary>404.</summary>
    public const string NotFound = "not-found";

    /// <summary>409: an id that stands for something else already.</summary>
    public const string Conflict = "conflict";

    /// <summary>409: it ended already.</summary>
    public const string AlreadyEnded = "already-ended";

    /// <summary>409: the run is no longer this node's; it must stop its containers and forget the run.</summary>
    public const string LeaseLost = "lease-lost";

    /// <summary>409: the server does not know this agent of the node, its database having been put back perhaps; it must register (again) and go on.</summary>
    public const string NotRegistered = "not-registered";

    /// <summary>409: an agent with the same key started later and has registered; this one must leave.</summary>
    public const string Superseded = "superseded";

    /// <summary>413: larger than the route takes.</summary>
    public const string TooLarge = "too-large";

    /// <summary>416: the range of bytes is outside the content.</summary>
    public const string BadRange = "bad-range";

    /// <summary>422: no registered node could ever run it; the detail says what is missing.</summary>
    public const string NoFit = "no-fit";

    /// <summary>422: the market costs more than the client would pay.</summary>
    public const string TooExpensive = "too-expensive";

    /// <summary>429: slow down; <c>Retry-After</c> says for how long.</summary>
    public const string TooMany = "too-many";

    /// <summary>503: the database is away; ask again.</summary>
    public const string Unavailable = "unavailable";
}
