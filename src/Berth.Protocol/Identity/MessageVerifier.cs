using System.Text;

namespace Berth.Protocol.Identity;

/// <summary>
/// Checks the signature of a request (RFC 9421; see <see cref="MessageSigner"/> for what is covered). Further headers may be covered too. Pure: the same
/// request at the same time gets the same answer, so a replay is for the keeper of nonces to see.
/// </summary>
public sealed class MessageVerifier
{
    private const int LongestHeader = 8 * 1024;
    private const int LongestNonce = 128;

    /// <summary>How far the clock that signed may be off, either way.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long after it was made a signature may expire.</summary>
    public TimeSpan LongestLife { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Who sent the request with this body, or why that is not known.</summary>
    public SignatureAnswer Verify(RequestParts request, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        // 1. What is signed, and how.
        if (Read(request, MessageSigner.InputName, out var fault) is not FieldList covered)
        {
            return Unsigned(fault ?? $"{MessageSigner.InputName} has no list of components in its member '{MessageSigner.Label}'.");
        }

        if (Read(request, MessageSigner.SignatureName, out fault) is not FieldItem { Value: BytesItem signature })
        {
            return Unsigned(fault ?? $"{MessageSigner.SignatureName} has no bytes in its member '{MessageSigner.Label}'.");
        }

        if (covered.Parameters is not { } given
            || Text(given, "keyid") is not { } keyId
            || Text(given, "nonce") is not { Length: > 0 and <= LongestNonce } nonce
            || Text(given, "alg") is not MessageSigner.Algorithm
            || Number(given, "created") is not { } created
            || Number(given, "expires") is not { } expires)
        {
            return Unsigned($"The signature needs the parameters created, expires, nonce (at most {LongestNonce} characters), keyid (your address) and alg=\"{MessageSigner.Algorithm}\".");
        }

        if (!Address.TryParse(keyId, null, out var signer))
        {
            return Unsigned("The keyid of the signature is no address: base58 of an ed25519 public key.");
        }

        // 2. Everything that must be covered is, and everything that is covered is there.
        if (Uncovered(covered, body) is { } missing)
        {
            return Unsigned($"The signature does not cover \"{missing}\".");
        }

        if (covered.Items.DistinctBy(item => item.ToString()).Count() < covered.Items.Length)
        {
            return Unsigned("The signature covers a component twice.");
        }

        foreach (var component in covered.Items)
        {
            if (SignatureBase.Component(request, component) is null)
            {
                return Unsigned($"The signature covers {component}, which the request does not have, or has in a form that is not supported.");
            }
        }

        // 3. It is of now. Plain seconds, for a stranger's numbers need not be dates.
        if (expires <= created || expires - created > (long)LongestLife.TotalSeconds)
        {
            return Unsigned($"The signature must expire after it was created, and at most {LongestLife.TotalSeconds:0} s after.");
        }

        var seconds = now.ToUnixTimeMilliseconds() / 1000.0;
        if (Math.Abs(seconds - created) > Window.TotalSeconds)
        {
            return OfAnotherTime($"The signature was created {Math.Abs(seconds - created):0} s {(created > seconds ? "after" : "before")} the server's time; at most {Window.TotalSeconds:0} s are allowed. Set this machine's clock.");
        }

        if (seconds > expires)
        {
            return OfAnotherTime($"The signature expired {seconds - expires:0} s ago. Sign the request anew.");
        }

        // 4. The body and the request are the ones that were signed.
        if (IsCovered(covered, MessageSigner.Digest) && !ContentDigest.Holds(SignatureBase.Header(request, MessageSigner.Digest)!, body))
        {
            return Unsigned($"The body is not the one that {ContentDigest.Name} speaks of (sha-256 or sha-512).");
        }

        return signer.Verify(Encoding.ASCII.GetBytes(SignatureBase.Of(request, covered)), signature.Value.AsSpan())
            ? new SignatureAccepted(signer, nonce, DateTimeOffset.FromUnixTimeSeconds(expires))
            : Unsigned($"The signature is not one of {signer} for this request: it was altered on its way, or signed for another address of the server.");
    }

    private static FieldMember? Read(RequestParts request, string header, out string? fault)
    {
        var text = SignatureBase.Header(request, header.ToLowerInvariant());
        var members = text is { Length: <= LongestHeader } ? StructuredFieldReader.ReadDictionary(text) : null;
        var member = members?.GetValueOrDefault(MessageSigner.Label);
        fault = text switch
        {
            null => $"The request is not signed: it has no {header} header (RFC 9421).",
            { Length: > LongestHeader } => $"{header} is longer than {LongestHeader} characters.",
            _ when members is null => $"{header} is no dictionary of structured fields (RFC 9651).",
            _ when member is null => $"{header} has no signature labelled '{MessageSigner.Label}'.",
            _ => null,
        };
        return member;
    }

    private static string? Text(FieldParameters parameters, string key) => parameters.GetValueOrDefault(key) is TextItem text ? text.Value : null;

    private static long? Number(FieldParameters parameters, string key) => parameters.GetValueOrDefault(key) is IntegerItem number ? number.Value : null;

    private static string? Uncovered(FieldList covered, ReadOnlySpan<byte> body)
    {
        foreach (var name in MessageSigner.Always)
        {
            if (!IsCovered(covered, name))
            {
                return name;
            }
        }

        return body.IsEmpty || IsCovered(covered, MessageSigner.Digest) ? null : MessageSigner.Digest;
    }

    private static bool IsCovered(FieldList covered, string name) => covered.Items.Any(item => item is { Value: TextItem text, Parameters.Count: 0 } && text.Value == name);

    private static SignatureRefused Unsigned(string sentence) => new(ProblemTypes.NotSigned, sentence);

    private static SignatureRefused OfAnotherTime(string sentence) => new(ProblemTypes.ClockSkew, sentence);
}
