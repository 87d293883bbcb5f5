using NSec.Cryptography;

namespace Berth.Protocol.Identity;

/// <summary>An ed25519 private key (RFC 8032). Whoever has it is its <see cref="Address"/>.</summary>
public sealed class SigningKey : IDisposable
{
    private readonly Key _key;

    private SigningKey(Key key)
    {
        _key = key;
        Address = Address.Of(key.PublicKey.Export(KeyBlobFormat.RawPublicKey));
    }

    public Address Address { get; }

    /// <summary>A key nobody has.</summary>
    public static SigningKey New() => new(Key.Create(SignatureAlgorithm.Ed25519, new KeyCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport }));

    /// <summary>The key of a seed of 32 bytes.</summary>
    public static SigningKey FromSeed(ReadOnlySpan<byte> seed) =>
        new(Key.Import(SignatureAlgorithm.Ed25519, seed, KeyBlobFormat.RawPrivateKey, new KeyCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport }));

    /// <summary>The signature of the bytes, 64 bytes long.</summary>
    public byte[] Sign(ReadOnlySpan<byte> bytes) => SignatureAlgorithm.Ed25519.Sign(_key, bytes);

    public override string ToString() => $"SigningKey {{ Address = {Address} }}";

    public void Dispose() => _key.Dispose();
}
