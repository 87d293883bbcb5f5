using System.Collections.Immutable;
using Berth.Protocol;

namespace Berth.Market;

/// <summary>
/// What was asked is refused, and the transaction it was asked in is taken back. Thrown where a rule is broken and turned into the answer in one place, at the edge.
/// </summary>
public sealed class RefusedException : Exception
{
    public RefusedException(string code, string detail)
        : base(detail) => Code = code;

    /// <summary>One of <see cref="ProblemTypes"/>.</summary>
    public string Code { get; }

    /// <summary>For an invalid definition: what is wrong and where.</summary>
    public ImmutableArray<DefinitionFault>? Problems { get; init; }

    /// <summary>For a clock that is off: the server's.</summary>
    public DateTimeOffset? ServerTime { get; init; }

    public static RefusedException NotFound(string what) => new(ProblemTypes.NotFound, what);

    public static RefusedException NotAllowed(string why) => new(ProblemTypes.NotAllowed, why);

    public static RefusedException Bad(string why) => new(ProblemTypes.BadRequest, why);
}
