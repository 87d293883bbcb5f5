using System.Security.Cryptography;

namespace Berth.Protocol.Identity;

/// <summary>The Content-Digest header (RFC 9530): by what digests a body is known. sha-256 is written; sha-256 and sha-512 are checked, others are passed over.</summary>
public static class ContentDigest
{
    /// <summary>The header's name.</summary>
    public const string Name = "Content-Digest";

    private const string Sha256Key = "sha-256";
    private const string Sha512Key = "sha-512";

    /// <summary>The value of the header for a body.</summary>
    public static string Of(ReadOnlySpan<byte> body) => $"{Sha256Key}={new BytesItem([.. SHA256.HashData(body)])}";

    /// <summary>Whether the body is the one the header speaks of: it has a digest that is checked, and all of those are the body's.</summary>
    public static bool Holds(string header, ReadOnlySpan<byte> body)
    {
        if (StructuredFieldReader.ReadDictionary(header) is not { } digests)
        {
            return false;
        }

        var isChecked = false;
        foreach (var (algorithm, digest) in digests)
        {
            if (algorithm is not (Sha256Key or Sha512Key))
            {
                continue;
            }

            isChecked = true;
            var actual = algorithm == Sha256Key ? SHA256.HashData(body) : SHA512.HashData(body);
            if (digest is not FieldItem { Value: BytesItem stated } || !stated.Value.AsSpan().SequenceEqual(actual))
            {
                return false;
            }
        }

        return isChecked;
    }
}
