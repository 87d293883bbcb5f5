using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;

namespace Berth.Protocol;

/// <summary>An amount of NOS, kept exactly in micro-NOS (10⁻⁶ NOS, <c>onchain.md</c> 6). On the wire it is the integer number of micro-NOS.</summary>
[JsonConverter(typeof(NosConverter))]
public readonly record struct Nos(long Micro) : IComparable<Nos>, IParsable<Nos>
{
    public static Nos Zero { get; }

    public static Nos operator +(Nos left, Nos right) => new(checked(left.Micro + right.Micro));

    public static Nos operator -(Nos left, Nos right) => new(checked(left.Micro - right.Micro));

    public static Nos operator -(Nos amount) => new(checked(-amount.Micro));

    /// <summary>Price per second times seconds.</summary>
    /// <exception cref="OverflowException">More NOS than can be counted.</exception>
    public static Nos operator *(Nos perSecond, long seconds) => new(checked(perSecond.Micro * seconds));

    public static bool operator <(Nos left, Nos right) => left.Micro < right.Micro;

    public static bool operator >(Nos left, Nos right) => left.Micro > right.Micro;

    public static bool operator <=(Nos left, Nos right) => left.Micro <= right.Micro;

    public static bool operator >=(Nos left, Nos right) => left.Micro >= right.Micro;

    public int CompareTo(Nos other) => Micro.CompareTo(other.Micro);

    /// <summary>Reads whole NOS with up to six decimals, as people write amounts: <c>12</c>, <c>0.000048</c>.</summary>
    public static Nos Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out var amount) ? amount : throw new FormatException($"'{s}' is no amount of NOS: a number with at most six decimals.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Nos result)
    {
        result = default;
        if (!decimal.TryParse(s, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var whole) || whole > 9_000_000_000_000m)
        {
            return false;
        }

        var micro = whole * 1_000_000m;
        result = new Nos((long)micro);
        return micro == decimal.Truncate(micro);
    }

    /// <summary>As people read it: <c>1.250000</c> becomes <c>1.25</c>.</summary>
    public override string ToString() => (Micro / 1_000_000m).ToString("0.######", CultureInfo.InvariantCulture);
}
