using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Berth.Jobs;
using NSec.Cryptography;

namespace Berth.Protocol.Identity;

/// <summary>Who somebody is: base58 of the 32 bytes of an ed25519 public key (RFC 8032), which is a Solana address.</summary>
[JsonConverter(typeof(IdConverter<Address>))]
public readonly record struct Address(string Value) : IParsable<Address>
{
    /// <summary>The 32 bytes of the public key.</summary>
    /// <exception cref="FormatException">The value was never parsed and is no address.</exception>
    public byte[] Bytes => Decode(Value) ?? throw new FormatException($"'{Value}' is no address.");

    /// <summary>The address of a public key of 32 bytes.</summary>
    public static Address Of(ReadOnlySpan<byte> publicKey) =>
        publicKey.Length == 32 ? new(Base58.Encode(publicKey)) : throw new ArgumentException($"A public key has 32 bytes, not {publicKey.Length}.", nameof(publicKey));

    /// <summary>An address that nobody can sign for: its private key is thrown away. Ids of jobs are made so.</summary>
    public static Address Fresh()
    {
        using var key = SigningKey.New();
        return key.Address;
    }

    /// <exception cref="FormatException">The text is not base58 of 32 bytes.</exception>
    public static Address Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var address) ? address : throw new FormatException($"'{s}' is not an address: base58 of 32 bytes.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Address result)
    {
        result = new Address(s ?? "");
        return Decode(s) is not null;
    }

    /// <summary>Whether the signature of 64 bytes was made over the bytes by this address's key (RFC 8032, 5.1.7); false for anything that is no signature.</summary>
    public bool Verify(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> signature) =>
        PublicKey.TryImport(SignatureAlgorithm.Ed25519, Bytes, KeyBlobFormat.RawPublicKey, out var key) && key is not null
        && SignatureAlgorithm.Ed25519.Verify(key, bytes, signature);

    public override string ToString() => Value;

    // 44 characters at most say 32 bytes; the bound keeps a stranger's long text from costing anything.
    private static byte[]? Decode(string? text) => text is { Length: <= 44 } && Base58.Decode(text) is { Length: 32 } bytes ? bytes : null;
}
