namespace Berth.Protocol.Identity;

/// <summary>What is to be made of a request's signature.</summary>
public abstract record SignatureAnswer
{
    private protected SignatureAnswer()
    {
    }
}

/// <summary>
/// The signer sent this very request. It holds until <paramref name="Expires"/>; until then whoever serves it keeps the nonce and refuses the signer's
/// second request with it.
/// </summary>
public sealed record SignatureAccepted(Address Signer, string Nonce, DateTimeOffset Expires) : SignatureAnswer;

/// <summary>
/// It is not known who sent the request. <paramref name="Code"/> is <see cref="ProblemTypes.NotSigned"/> or <see cref="ProblemTypes.ClockSkew"/>;
/// <paramref name="Sentence"/> is for people.
/// </summary>
public sealed record SignatureRefused(string Code, string Sentence) : SignatureAnswer;
