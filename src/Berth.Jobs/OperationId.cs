using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Berth.Jobs;

/// <summary>The name of one operation, unique in its job definition (job-language.md 1.5).</summary>
[JsonConverter(typeof(IdConverter<OperationId>))]
public readonly record struct OperationId(string Value) : IParsable<OperationId>
{
    public static OperationId Parse(string s, IFormatProvider? provider) => new(s);

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out OperationId result)
    {
        result = new OperationId(s ?? "");
        return s is not null;
    }

    public override string ToString() => Value;
}
