using System.Security.Cryptography;
using NSec.Cryptography;

namespace Berth.Protocol.Sealing;

/// <summary>
/// Hybrid Public Key Encryption (RFC 9180), base mode, one message a key: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305. Keys are 32 bytes. Whoever has the public
/// key can seal for its owner; who did is not part of it.
/// </summary>
internal static class Hpke
{
    /// <summary>How many bytes a key, and an encapsulated one, have.</summary>
    public const int KeySize = 32;

    /// <summary>How many bytes a sealed message is longer than the message.</summary>
    public const int Overhead = 16;

    private const int SecretSize = 32;
    private const int NonceSize = 12;
    private const byte BaseMode = 0;

    private static readonly KeyAgreementAlgorithm X25519 = KeyAgreementAlgorithm.X25519;
    private static readonly AeadAlgorithm Aead = AeadAlgorithm.ChaCha20Poly1305;

    private static ReadOnlySpan<byte> Version => "HPKE-v1"u8;

    // "KEM" and 0x0020; "HPKE", 0x0020 and the ids of the KDF and the AEAD (RFC 9180, 7).
    private static ReadOnlySpan<byte> KemSuite => [(byte)'K', (byte)'E', (byte)'M', 0x00, 0x20];

    private static ReadOnlySpan<byte> Suite => [(byte)'H', (byte)'P', (byte)'K', (byte)'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x03];

    /// <summary>The private key that follows from the material (7.1.3).</summary>
    public static byte[] DerivePrivateKey(ReadOnlySpan<byte> material) =>
        LabeledExpand(KemSuite, LabeledExtract(KemSuite, [], "dkp_prk"u8, material), "sk"u8, [], KeySize);

    /// <summary>The public key of a private one.</summary>
    public static byte[] PublicKeyOf(ReadOnlySpan<byte> privateKey)
    {
        using var key = Import(privateKey);
        return key.PublicKey.Export(KeyBlobFormat.RawPublicKey);
    }

    /// <summary>Seals a message for the owner of the public key; null when the key is none that anything can be sealed for.</summary>
    public static (byte[] Encapsulated, byte[] Sealed)? Seal(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> info, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> message)
    {
        var ephemeral = RandomNumberGenerator.GetBytes(KeySize);
        try
        {
            return Seal(publicKey, ephemeral, info, associated, message);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(ephemeral);
        }
    }

    /// <summary>As above, with a given ephemeral private key; never to be used with the same one twice.</summary>
    internal static (byte[] Encapsulated, byte[] Sealed)? Seal(
        ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> ephemeral, ReadOnlySpan<byte> info, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> message)
    {
        using var own = Import(ephemeral);
        var encapsulated = own.PublicKey.Export(KeyBlobFormat.RawPublicKey);
        if (SharedSecretOf(own, publicKey, encapsulated, publicKey) is not { } secret)
        {
            return null;
        }

        using var key = MessageKey(secret, info, out var nonce);
        return (encapsulated, Aead.Encrypt(key, nonce, associated, message));
    }

    /// <summary>The message, or null when it was not sealed so, for this key.</summary>
    public static byte[]? Open(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> encapsulated, ReadOnlySpan<byte> info, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> message)
    {
        using var own = Import(privateKey);
        if (encapsulated.Length != KeySize || message.Length < Overhead
            || SharedSecretOf(own, encapsulated, encapsulated, own.PublicKey.Export(KeyBlobFormat.RawPublicKey)) is not { } secret)
        {
            return null;
        }

        using var key = MessageKey(secret, info, out var nonce);
        return Aead.Decrypt(key, nonce, associated, message);
    }

    // Encap and Decap (4.1).
    private static byte[]? SharedSecretOf(Key own, ReadOnlySpan<byte> other, ReadOnlySpan<byte> encapsulated, ReadOnlySpan<byte> recipient)
    {
        if (!PublicKey.TryImport(X25519, other, KeyBlobFormat.RawPublicKey, out var key) || key is null
            || X25519.Agree(own, key, new SharedSecretCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport }) is not { } agreed)
        {
            // A point of small order gives the same secret to everybody (7.1.4).
            return null;
        }

        using (agreed)
        {
            var raw = agreed.Export(SharedSecretBlobFormat.RawSharedSecret);
            var secret = LabeledExpand(KemSuite, LabeledExtract(KemSuite, [], "eae_prk"u8, raw), "shared_secret"u8, [.. encapsulated, .. recipient], SecretSize);
            CryptographicOperations.ZeroMemory(raw);
            return secret;
        }
    }

    // KeySchedule (5.1) without a pre-shared key. Of one message the nonce is the base nonce.
    private static Key MessageKey(byte[] sharedSecret, ReadOnlySpan<byte> info, out byte[] nonce)
    {
        byte[] context = [BaseMode, .. LabeledExtract(Suite, [], "psk_id_hash"u8, []), .. LabeledExtract(Suite, [], "info_hash"u8, info)];
        var secret = LabeledExtract(Suite, sharedSecret, "secret"u8, []);
        var key = LabeledExpand(Suite, secret, "key"u8, context, KeySize);
        nonce = LabeledExpand(Suite, secret, "base_nonce"u8, context, NonceSize);
        try
        {
            return Key.Import(Aead, key, KeyBlobFormat.RawSymmetricKey);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(sharedSecret);
            CryptographicOperations.ZeroMemory(secret);
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static byte[] LabeledExtract(ReadOnlySpan<byte> suite, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> label, ReadOnlySpan<byte> material)
    {
        byte[] labeled = [.. Version, .. suite, .. label, .. material];
        var extracted = new byte[SecretSize];
        HKDF.Extract(HashAlgorithmName.SHA256, labeled, salt, extracted);
        CryptographicOperations.ZeroMemory(labeled);
        return extracted;
    }

    private static byte[] LabeledExpand(ReadOnlySpan<byte> suite, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> info, int length)
    {
        var expanded = new byte[length];
        HKDF.Expand(HashAlgorithmName.SHA256, secret, expanded, [0, (byte)length, .. Version, .. suite, .. label, .. info]);
        return expanded;
    }

    private static Key Import(ReadOnlySpan<byte> privateKey) => Key.Import(X25519, privateKey, KeyBlobFormat.RawPrivateKey);
}
