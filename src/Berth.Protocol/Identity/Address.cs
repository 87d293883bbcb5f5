using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Berth.Jobs;

namespace Berth.Protocol.Identity;

/// <summary>Who somebody is: base58 of an ed25519 public key, a Solana address.</summary>
[JsonConverter(typeof(IdConverter<Address>))]
public readonly record struct Address(string Value) : IParsable<Address>
{
    /// <summary>The 32 bytes of the public key.</summary>
    public byte[] Bytes => Base58.Decode(Value) is { Length: 32 } bytes ? bytes : throw new FormatException($"'{Value}' is no address.");

    public static Address Of(ReadOnlySpan<byte> publicKey) => new(Base58.Encode(publicKey));

    public static Address Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var address) ? address : throw new FormatException($"'{s}' is not an address: base58 of 32 bytes.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Address result)
    {
        result = new Address(s ?? "");
        return s is { Length: <= 64 } && Base58.Decode(s) is { Length: 32 };
    }

    public override string ToString() => Value;
}
