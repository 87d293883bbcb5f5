using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Berth.Protocol.Identity;

/// <summary>
/// A bare value of a structured header field (RFC 9651): text, a whole number, a token, bytes or a boolean. Decimals, dates and display strings
/// stand in none of the fields read here.
/// </summary>
internal abstract record BareItem
{
    private protected BareItem()
    {
    }

    /// <summary>The value as it is written (RFC 9651, 4.1.3.1).</summary>
    public sealed override string ToString() => this switch
    {
        TextItem text => $"\"{text.Value.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"",
        IntegerItem number => number.Value.ToString(CultureInfo.InvariantCulture),
        TokenItem token => token.Value,
        BytesItem bytes => $":{Convert.ToBase64String(bytes.Value.AsSpan())}:",
        BooleanItem { Value: var value } => value ? "?1" : "?0",
        _ => throw new UnreachableException($"{GetType().Name} is no kind of value."),
    };
}

internal sealed record TextItem(string Value) : BareItem;

internal sealed record IntegerItem(long Value) : BareItem;

internal sealed record TokenItem(string Value) : BareItem;

internal sealed record BytesItem(ImmutableArray<byte> Value) : BareItem;

internal sealed record BooleanItem(bool Value) : BareItem;

/// <summary>The parameters behind a value, in their order.</summary>
internal sealed class FieldParameters : OrderedDictionary<string, BareItem>
{
    /// <summary>The parameters as they are written (RFC 9651, 4.1.1.2).</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (key, value) in this)
        {
            text.Append(';').Append(key);
            if (value is not BooleanItem { Value: true })
            {
                text.Append('=').Append(value);
            }
        }

        return text.ToString();
    }
}

/// <summary>What a dictionary holds: a value or a list of values, each with parameters.</summary>
internal abstract record FieldMember(FieldParameters Parameters);

internal sealed record FieldItem(BareItem Value, FieldParameters Parameters) : FieldMember(Parameters)
{
    public override string ToString() => $"{Value}{Parameters}";
}

internal sealed record FieldList(ImmutableArray<FieldItem> Items, FieldParameters Parameters) : FieldMember(Parameters)
{
    public override string ToString() => $"({string.Join(' ', Items)}){Parameters}";
}
