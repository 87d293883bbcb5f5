using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Berth.Jobs.Definitions;

namespace Berth.Node.Resources;

/// <summary>
/// What two resources have in common exactly when one may be used for the other: everything but their places in containers, and whose credentials they are fetched with. Of the
/// credentials only a keyed digest goes in, so that nobody who reads the name of an entry can try secrets on it.
/// </summary>
internal static class ResourceKey
{
    public static string Of(Resource resource, ReadOnlySpan<byte> salt)
    {
        var canonical = new MemoryStream();
        using (var json = new Utf8JsonWriter(canonical))
        {
            json.WriteStartObject();
            json.WriteString("type", resource.Type);
            json.WriteString("url", resource.Url);
            json.WriteString("bucket", resource.Bucket);
            json.WriteStartArray("buckets");
            foreach (var bucket in resource.Buckets)
            {
                json.WriteStartObject();
                json.WriteString("url", bucket.Url);
                Write(json, bucket.Files);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            Write(json, resource.Files);
            json.WriteString("repo", resource.Repo);
            json.WriteString("revision", resource.Revision);
            json.WriteString("model", resource.Model);
            json.WriteString("name", resource.FileName);
            json.WriteString("sha256", resource.Sha256);
            if (resource.Size is { } size)
            {
                json.WriteNumber("size", size);
            }

            json.WriteString("credential", CredentialOf(resource, salt));
            json.WriteEndObject();
        }

        return Hex(HMACSHA256.HashData(salt, canonical.ToArray()));
    }

    /// <summary>The name of one version of a resource.</summary>
    public static string OfVersion(string resource, string version) => Hex(SHA256.HashData(Encoding.UTF8.GetBytes($"{resource}\n{version}")));

    private static void Write(Utf8JsonWriter json, IEnumerable<string> files)
    {
        json.WriteStartArray("files");
        foreach (var file in files.Order(StringComparer.Ordinal))
        {
            json.WriteStringValue(file);
        }

        json.WriteEndArray();
    }

    private static string? CredentialOf(Resource resource, ReadOnlySpan<byte> salt) => (resource.Credentials, resource.AccessToken) switch
    {
        ({ } keys, _) => Hex(HMACSHA256.HashData(salt, Encoding.UTF8.GetBytes($"{keys.Region}\n{keys.AccessKeyId}\n{keys.SecretAccessKey}"))),
        (null, { } token) => Hex(HMACSHA256.HashData(salt, Encoding.UTF8.GetBytes(token))),
        _ => null,
    };

    private static string Hex(byte[] digest) => Convert.ToHexStringLower(digest.AsSpan(0, 20));
}
