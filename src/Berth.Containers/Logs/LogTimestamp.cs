namespace Berth.Containers.Logs;

/// <summary>Reads the RFC 3339 time an engine puts before each piece of log, to 100 ns and without allocating.</summary>
internal static class LogTimestamp
{
    private const int SecondsLength = 19;

    /// <summary>The time and how many bytes it takes, its space included; false when the bytes begin otherwise.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out DateTimeOffset at, out int length)
    {
        at = default;
        length = 0;
        if (text.Length < SecondsLength + 2
            || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':'
            || !Number(text[..4], out var year) || !Number(text[5..7], out var month) || !Number(text[8..10], out var day)
            || !Number(text[11..13], out var hour) || !Number(text[14..16], out var minute) || !Number(text[17..19], out var second)
            || year == 0 || month is 0 or > 12 || day == 0 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59)
        {
            return false;
        }

        var next = SecondsLength;
        var ticks = Fraction(text, ref next);
        if (!Offset(text, ref next, out var offset) || next >= text.Length || text[next] != ' ')
        {
            return false;
        }

        at = new DateTimeOffset(new DateTime(year, month, day, hour, minute, second).Ticks + ticks - (offset * TimeSpan.TicksPerMinute), TimeSpan.Zero);
        length = next + 1;
        return true;
    }

    private static long Fraction(ReadOnlySpan<byte> text, ref int next)
    {
        if (text[next] != '.')
        {
            return 0;
        }

        var ticks = 0L;
        var worth = TimeSpan.TicksPerSecond / 10;
        for (next++; next < text.Length && text[next] - '0' is >= 0 and <= 9; next++)
        {
            ticks += (text[next] - '0') * worth;
            worth /= 10;
        }

        return ticks;
    }

    private static bool Offset(ReadOnlySpan<byte> text, ref int next, out int minutes)
    {
        minutes = 0;
        if (next < text.Length && text[next] == 'Z')
        {
            next++;
            return true;
        }

        if (next + 6 > text.Length || text[next] is not ((byte)'+' or (byte)'-') || text[next + 3] != ':'
            || !Number(text.Slice(next + 1, 2), out var hours) || !Number(text.Slice(next + 4, 2), out var rest))
        {
            return false;
        }

        minutes = ((hours * 60) + rest) * (text[next] == '-' ? -1 : 1);
        next += 6;
        return true;
    }

    private static bool Number(ReadOnlySpan<byte> digits, out int value)
    {
        value = 0;
        foreach (var digit in digits)
        {
            if (digit - '0' is not (>= 0 and <= 9))
            {
                return false;
            }

            value = (value * 10) + (digit - '0');
        }

        return true;
    }
}
