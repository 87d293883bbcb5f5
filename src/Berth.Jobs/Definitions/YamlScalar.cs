using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Berth.Jobs.Definitions;

/// <summary>What an unquoted YAML scalar means in YAML 1.2's core schema, numbers rewritten as JSON writes them.</summary>
internal static partial class YamlScalar
{
    private const int LongestNumber = 64;

    /// <summary>The node, or null for what has no form in JSON: infinity, not-a-number, a number of absurd length.</summary>
    public static DocumentNode? Resolve(string plain, TextPosition position)
    {
        switch (plain)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return new NullNode(position);
            case "true" or "True" or "TRUE":
                return new BooleanNode(true, position);
            case "false" or "False" or "FALSE":
                return new BooleanNode(false, position);
        }

        if (plain[0] is not ('+' or '-' or '.' or (>= '0' and <= '9')))
        {
            return new TextNode(plain, position);
        }

        if (NotFinite.IsMatch(plain))
        {
            return null;
        }

        var isNumber = Decimal.IsMatch(plain) || Octal.IsMatch(plain) || Hexadecimal.IsMatch(plain);
        if (!isNumber)
        {
            return new TextNode(plain, position);
        }

        return plain.Length > LongestNumber ? null : new NumberNode(AsJson(plain), position);
    }

    private static string AsJson(string plain)
    {
        if (plain.StartsWith("0x", StringComparison.Ordinal))
        {
            return BigInteger.Parse("0" + plain[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture).ToString();
        }

        if (plain.StartsWith("0o", StringComparison.Ordinal))
        {
            return plain[2..].Aggregate(BigInteger.Zero, (number, digit) => (number * 8) + (digit - '0')).ToString();
        }

        var match = Decimal.Match(plain);
        var whole = match.Groups["whole"].Value.TrimStart('0');
        var fraction = match.Groups["fraction"].Value;
        var sign = plain[0] == '-' ? "-" : "";
        return $"{sign}{(whole == "" ? "0" : whole)}{(fraction == "" ? "" : "." + fraction)}{match.Groups["power"].Value}";
    }

    [GeneratedRegex(@"^[-+]?(?:(?<whole>[0-9]+)(?:\.(?<fraction>[0-9]*))?|\.(?<fraction>[0-9]+))(?<power>[eE][-+]?[0-9]+)?\z")]
    private static partial Regex Decimal { get; }

    [GeneratedRegex(@"^0o[0-7]+\z")]
    private static partial Regex Octal { get; }

    [GeneratedRegex(@"^0x[0-9a-fA-F]+\z")]
    private static partial Regex Hexadecimal { get; }

    [GeneratedRegex(@"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\z")]
    private static partial Regex NotFinite { get; }
}
