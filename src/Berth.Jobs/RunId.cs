using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace Berth.Jobs;

/// <summary>One attempt to execute a job: base58 of 32 bytes. Containers, networks and the run folder are named after it.</summary>
[JsonConverter(typeof(IdConverter<RunId>))]
public readonly record struct RunId(string Value) : IParsable<RunId>
{
    /// <summary>An id nobody has used: 32 random bytes.</summary>
    public static RunId New() => new(Base58.Encode(RandomNumberGenerator.GetBytes(32)));

    public static RunId Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not a run id: base58 of 32 bytes.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out RunId result)
    {
        result = new RunId(s ?? "");
        return s is { Length: <= 64 } && Base58.Decode(s) is { Length: 32 };
    }

    public override string ToString() => Value;
}
