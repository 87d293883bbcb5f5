using System.Security.Cryptography;
using Berth.Protocol.Identity;

namespace Berth.Protocol.Sealing;

/// <summary>
/// Opens what was sealed for an address. It follows from the key in the address's key file and from nothing else, so there is no second file to keep or to lose: HKDF-SHA256 of the seed
/// with the info <c>berth encryption key 1</c>, then <c>DeriveKeyPair</c> of RFC 9180, 7.1.3. May be used by several threads at once.
/// </summary>
public sealed class DecryptionKey : IDisposable
{
    private readonly byte[] _key;

    private DecryptionKey(byte[] key, EncryptionKey published) => (_key, Published) = (key, published);

    /// <summary>The public half, signed, for everybody.</summary>
    public EncryptionKey Published { get; }

    /// <summary>Whose it is.</summary>
    public Address Owner => Published.Owner;

    /// <summary>The key that belongs to the address of the signing key.</summary>
    public static DecryptionKey Of(SigningKey signing)
    {
        var seed = signing.ExportSeed();
        var material = HKDF.DeriveKey(HashAlgorithmName.SHA256, seed, Hpke.KeySize, info: "berth encryption key 1"u8.ToArray());
        try
        {
            var key = Hpke.DerivePrivateKey(material);
            var published = Hpke.PublicKeyOf(key);
            return new DecryptionKey(key, new EncryptionKey(signing.Address, published, signing.Sign(EncryptionKey.Signed(published))));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
            CryptographicOperations.ZeroMemory(material);
        }
    }

    public override string ToString() => $"DecryptionKey {{ Owner = {Owner} }}";

    public void Dispose() => CryptographicOperations.ZeroMemory(_key);

    /// <summary>What <see cref="Hpke.Seal(ReadOnlySpan{byte}, ReadOnlySpan{byte}, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/> sealed for this key, or null.</summary>
    internal byte[]? Open(ReadOnlySpan<byte> encapsulated, ReadOnlySpan<byte> info, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> message) =>
        Hpke.Open(_key, encapsulated, info, associated, message);
}
