using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Berth.Jobs.Definitions;

namespace Berth.Node.Resources;

/// <summary>Signs requests to S3 (docs.aws.amazon.com, "Signature Version 4", in its form for S3: paths are encoded once).</summary>
internal sealed class SignatureV4(S3Credentials keys, string region, TimeProvider time)
{
    private const string Algorithm = "AWS4-HMAC-SHA256";

    private static readonly string EmptyDigest = Convert.ToHexStringLower(SHA256.HashData([]));

    /// <summary>Lays the signature over a message without a body.</summary>
    public void Sign(HttpRequestMessage message) => Sign(message, EmptyDigest);

    /// <summary>Lays the signature over a message whose body has the SHA-256 digest.</summary>
    public void Sign(HttpRequestMessage message, string bodyDigest)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var moment = now.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var scope = $"{moment[..8]}/{region}/s3/aws4_request";
        var address = message.RequestUri!;
        var host = address.IsDefaultPort ? address.IdnHost : $"{address.IdnHost}:{address.Port}";
        message.Headers.TryAddWithoutValidation("x-amz-date", moment);
        message.Headers.TryAddWithoutValidation("x-amz-content-sha256", bodyDigest);

        const string SignedHeaders = "host;x-amz-content-sha256;x-amz-date";
        var canonical = string.Join(
            '\n',
            message.Method.Method,
            address.AbsolutePath,
            CanonicalQuery(address.Query),
            $"host:{host}",
            $"x-amz-content-sha256:{bodyDigest}",
            $"x-amz-date:{moment}",
            "",
            SignedHeaders,
            bodyDigest);
        var toSign = string.Join('\n', Algorithm, moment, scope, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical))));
        var key = Hmac(Hmac(Hmac(Hmac(Encoding.UTF8.GetBytes("AWS4" + keys.SecretAccessKey), moment[..8]), region), "s3"), "aws4_request");
        message.Headers.TryAddWithoutValidation(
            "Authorization", $"{Algorithm} Credential={keys.AccessKeyId}/{scope}, SignedHeaders={SignedHeaders}, Signature={Convert.ToHexStringLower(Hmac(key, toSign))}");
    }

    /// <summary>Everything but letters, digits and <c>-_.~</c> as percent signs and hexadecimal; of a path its slashes stay.</summary>
    public static string Encoded(string text, bool isPath)
    {
        var encoded = new StringBuilder();
        foreach (var letter in Encoding.UTF8.GetBytes(text))
        {
            if (char.IsAsciiLetterOrDigit((char)letter) || letter is (byte)'-' or (byte)'_' or (byte)'.' or (byte)'~' || (isPath && letter == '/'))
            {
                encoded.Append((char)letter);
            }
            else
            {
                encoded.Append(CultureInfo.InvariantCulture, $"%{letter:X2}");
            }
        }

        return encoded.ToString();
    }

    private static string CanonicalQuery(string query) => string.Join(
        '&',
        query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Contains('=') ? pair : pair + "=").Order(StringComparer.Ordinal));

    private static byte[] Hmac(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));
}
