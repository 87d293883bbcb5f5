using Berth.Protocol.Identity;

namespace Berth.Protocol.Sealing;

/// <summary>
/// The public key that things are sealed with for an address, signed by the address's own key: whoever seals believes nobody else about it. On the wire base64 of 32 and of 64 bytes.
/// </summary>
/// <param name="Owner">Who opens what is sealed with it.</param>
/// <param name="Key">An X25519 public key (RFC 7748).</param>
/// <param name="Signature">The owner's, over <c>berth encryption key 1</c>, a newline and the key.</param>
public sealed record EncryptionKey(Address Owner, byte[] Key, byte[] Signature)
{
    /// <summary>The owner signed this key. Nothing may be sealed with one of which that is not so.</summary>
    public bool IsGenuine => Key.Length == Hpke.KeySize && Owner.Verify(Signed(Key), Signature);

    /// <summary>What the signature is over.</summary>
    internal static byte[] Signed(ReadOnlySpan<byte> key) => [.. "berth encryption key 1\n"u8, .. key];
}
