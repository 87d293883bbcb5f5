using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace Berth.Jobs;

/// <summary>
/// A job, asked once: base58 of 32 bytes. The language calls it the flow id: <c>%%global.job%%</c>, <c>NOSANA_ID</c>,
/// endpoint ids and the DNS name <c>&lt;job&gt;-&lt;index&gt;</c> are made of it.
/// </summary>
[JsonConverter(typeof(IdConverter<JobId>))]
public readonly record struct JobId(string Value) : IParsable<JobId>
{
    /// <summary>An id nobody has used: 32 random bytes.</summary>
    public static JobId New() => new(Base58.Encode(RandomNumberGenerator.GetBytes(32)));

    public static JobId Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not a job id: base58 of 32 bytes.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out JobId result)
    {
        result = new JobId(s ?? "");
        return s is { Length: <= 64 } && Base58.Decode(s) is { Length: 32 };
    }

    public override string ToString() => Value;
}
