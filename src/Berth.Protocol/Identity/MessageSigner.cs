using System.Collections.Immutable;
using System.Text;

namespace Berth.Protocol.Identity;

/// <summary>
/// Signs requests by HTTP Message Signatures (RFC 9421) with ed25519, under the label <c>berth</c>. Covered are the method, the authority, the path, the
/// query, and the content digest when the request has that header.
/// </summary>
public static class MessageSigner
{
    /// <summary>The header that says what is signed and how.</summary>
    public const string InputName = "Signature-Input";

    /// <summary>The header that has the signature.</summary>
    public const string SignatureName = "Signature";

    internal const string Label = "berth";
    internal const string Algorithm = "ed25519";
    internal const string Digest = "content-digest";

    internal static ImmutableArray<string> Always { get; } = [SignatureBase.Method, SignatureBase.Authority, SignatureBase.Path, SignatureBase.Query];

    /// <summary>The signature of a request; the nonce is one that was never used with the key before, in printable ASCII.</summary>
    public static MessageSignature Sign(SigningKey key, RequestParts request, DateTimeOffset created, DateTimeOffset expires, string nonce)
    {
        var covered = new FieldList(
            [.. Components(request).Select(name => new FieldItem(new TextItem(name), []))],
            new()
            {
                ["created"] = new IntegerItem(created.ToUnixTimeSeconds()),
                ["expires"] = new IntegerItem(expires.ToUnixTimeSeconds()),
                ["nonce"] = new TextItem(nonce),
                ["keyid"] = new TextItem(key.Address.Value),
                ["alg"] = new TextItem(Algorithm),
            });
        var signature = key.Sign(Encoding.ASCII.GetBytes(SignatureBase.Of(request, covered)));
        return new($"{Label}={covered}", $"{Label}={new BytesItem([.. signature])}");
    }

    private static ImmutableArray<string> Components(RequestParts request) => SignatureBase.Header(request, Digest) is null ? Always : [.. Always, Digest];
}

/// <summary>The values of the two headers of a signed request.</summary>
public sealed record MessageSignature(string Input, string Signature);
