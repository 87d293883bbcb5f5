using System.Security.Cryptography;
using System.Text;
using NSec.Cryptography;

namespace Berth.Protocol.Sealing;

/// <summary>
/// A symmetric key of 32 bytes that content is sealed with: XChaCha20-Poly1305, a random nonce of 24 bytes before the ciphertext, the purpose as associated data. Any number of things
/// may be sealed with one key, each for a purpose that says what it is; under another purpose it does not open. May be used by several threads at once.
/// </summary>
public sealed class ContentKey : IDisposable
{
    /// <summary>How many bytes a key has.</summary>
    public const int Size = 32;

    /// <summary>How many bytes what is sealed is longer than the content.</summary>
    public const int Overhead = NonceSize + 16;

    private const int NonceSize = 24;
    private static readonly AeadAlgorithm Aead = AeadAlgorithm.XChaCha20Poly1305;
    private readonly byte[] _bytes;
    private readonly Key _key;

    private ContentKey(byte[] bytes) => (_bytes, _key) = (bytes, Key.Import(Aead, bytes, KeyBlobFormat.RawSymmetricKey));

    /// <summary>A key nobody has.</summary>
    public static ContentKey New() => new(RandomNumberGenerator.GetBytes(Size));

    /// <summary>The key of these 32 bytes, or null when they are not as many.</summary>
    public static ContentKey? Of(ReadOnlySpan<byte> bytes) => bytes.Length == Size ? new ContentKey(bytes.ToArray()) : null;

    /// <summary>A key for one kind of thing; who has it cannot tell this one (HKDF-SHA256, the use as info).</summary>
    public ContentKey For(string use) => new(HKDF.DeriveKey(HashAlgorithmName.SHA256, _bytes, Size, info: Encoding.UTF8.GetBytes($"berth content key 1\n{use}")));

    /// <summary>The content, sealed for the purpose.</summary>
    public byte[] Seal(ReadOnlySpan<byte> content, string purpose)
    {
        var made = new byte[content.Length + Overhead];
        RandomNumberGenerator.Fill(made.AsSpan(0, NonceSize));
        Aead.Encrypt(_key, made.AsSpan(0, NonceSize), Encoding.UTF8.GetBytes(purpose), content, made.AsSpan(NonceSize));
        return made;
    }

    /// <summary>The content, or null when it was not sealed with this key for this purpose, or was changed.</summary>
    public byte[]? Open(ReadOnlySpan<byte> made, string purpose)
    {
        if (made.Length < Overhead)
        {
            return null;
        }

        var content = new byte[made.Length - Overhead];
        return Aead.Decrypt(_key, made[..NonceSize], Encoding.UTF8.GetBytes(purpose), made[NonceSize..], content) ? content : null;
    }

    /// <summary>The 32 bytes, the secret itself; the caller wipes them after use.</summary>
    public byte[] Export() => [.. _bytes];

    public override string ToString() => "ContentKey { ••• }";

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_bytes);
        _key.Dispose();
    }
}
