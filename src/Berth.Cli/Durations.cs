using System.CommandLine.Parsing;
using System.Globalization;

namespace Berth.Cli;

/// <summary>Spans of time as people type and read them: <c>90s</c>, <c>10m</c>, <c>2h</c>, <c>1d</c>; a bare number is minutes.</summary>
internal static class Durations
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(366);

    public static TimeSpan? Parse(string text)
    {
        var unit = text.Length > 0 && char.IsAsciiLetter(text[^1]) ? text[^1] : 'm';
        var digits = text.Length > 0 && char.IsAsciiLetter(text[^1]) ? text[..^1] : text;
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }

        var seconds = unit switch { 's' => number, 'm' => number * 60, 'h' => number * 3600, 'd' => number * 86400, _ => -1 };
        return seconds > 0 && seconds <= Longest.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    public static TimeSpan? Parse(ArgumentResult argument)
    {
        var text = argument.Tokens is [{ Value: var value }] ? value : "";
        var parsed = Parse(text);
        if (parsed is null)
        {
            argument.AddError($"'{text}' is no span of time; write 90s, 10m, 2h or 1d, at most a year.");
        }

        return parsed;
    }

    public static string Words(TimeSpan span) => span switch
    {
        { TotalSeconds: < 10 } => $"{span.TotalSeconds:0.0} s",
        { TotalSeconds: < 120 } => $"{span.TotalSeconds:0} s",
        { TotalMinutes: < 60 } => Both(span.Minutes, "min", span.Seconds, "s"),
        { TotalHours: < 48 } => Both((int)span.TotalHours, "h", span.Minutes, "min"),
        _ => Both(span.Days, "d", span.Hours, "h"),
    };

    private static string Both(int much, string unit, int little, string smaller) => little == 0 ? $"{much} {unit}" : $"{much} {unit} {little} {smaller}";

    public static string Size(long bytes) => bytes switch
    {
        < 1000 => $"{bytes} B",
        < 1_000_000 => $"{bytes / 1e3:0.0} kB",
        < 1_000_000_000 => $"{bytes / 1e6:0.0} MB",
        _ => $"{bytes / 1e9:0.00} GB",
    };
}
