using NSec.Cryptography;

namespace Berth.Protocol.Identity;

/// <summary>An ed25519 private key (RFC 8032). Whoever has it is its <see cref="Address"/>. May be used by several threads at once.</summary>
public sealed class SigningKey : IDisposable
{
    /// <summary>How many bytes a seed has.</summary>
    public const int SeedSize = 32;

    /// <summary>How many bytes a signature has.</summary>
    public const int SignatureSize = 64;

    private readonly Key _key;

    private SigningKey(Key key)
    {
        _key = key;
        Address = Address.Of(key.PublicKey.Export(KeyBlobFormat.RawPublicKey));
    }

    /// <summary>Who signs with this key.</summary>
    public Address Address { get; }

    /// <summary>A key nobody has.</summary>
    public static SigningKey New() => new(Key.Create(SignatureAlgorithm.Ed25519, Exportable));

    /// <summary>The key of a seed of 32 bytes: the private key of RFC 8032, 5.1.5.</summary>
    /// <exception cref="FormatException">The seed has another length.</exception>
    public static SigningKey FromSeed(ReadOnlySpan<byte> seed) => new(Key.Import(SignatureAlgorithm.Ed25519, seed, KeyBlobFormat.RawPrivateKey, Exportable));

    /// <summary>The signature of the bytes, 64 bytes long; the same bytes always get the same one.</summary>
    public byte[] Sign(ReadOnlySpan<byte> bytes) => SignatureAlgorithm.Ed25519.Sign(_key, bytes);

    /// <summary>The seed of 32 bytes, the secret itself; the caller wipes it after use.</summary>
    public byte[] ExportSeed() => _key.Export(KeyBlobFormat.RawPrivateKey);

    public override string ToString() => $"SigningKey {{ Address = {Address} }}";

    public void Dispose() => _key.Dispose();

    private static KeyCreationParameters Exportable => new() { ExportPolicy = KeyExportPolicies.AllowPlaintextExport };
}
