using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Berth.Jobs;

namespace Berth.Protocol;

/// <summary>One content on its way to a market in parts: base58 of 32 bytes, made by whoever sends it so that the same thing has the same id when it is sent again.</summary>
[JsonConverter(typeof(IdConverter<UploadId>))]
public readonly record struct UploadId(string Value) : IParsable<UploadId>
{
    /// <summary>The id for what is sent, however often it is begun.</summary>
    public static UploadId Of(params ReadOnlySpan<string> what) => new(Base58.Encode(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', what!)))));

    /// <summary>The id of a run's artefact.</summary>
    public static UploadId OfArtefact(RunId run, OperationId operation, string name) => Of("artefact", run.Value, operation.Value, name);

    public static UploadId Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"'{s}' is not an upload id: base58 of 32 bytes.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out UploadId result)
    {
        result = new UploadId(s ?? "");
        return s is { Length: <= 64 } && Base58.Decode(s) is { Length: 32 };
    }

    public override string ToString() => Value;
}
