using System.Buffers;
using System.Text;

namespace Berth.Cli.Rendering;

/// <summary>
/// Makes bytes from a container harmless on a terminal: colours pass, every other escape sequence and control character is dropped, so a log
/// cannot move the cursor, retitle the window or type for its reader.
/// </summary>
internal static class SafeText
{
    private static readonly SearchValues<byte> Doubtful = SearchValues.Create([.. Enumerable.Range(0, 32).Where(code => code != '\t').Select(code => (byte)code), 0x7F, 0xC2]);

    private static readonly SearchValues<byte> ColourParameters = SearchValues.Create("0123456789;:"u8);

    /// <summary>One line of somebody's words: colours pass, everything else that a terminal would act on is left out, line ends too.</summary>
    public static string Line(string text)
    {
        if (!text.Any(char.IsControl))
        {
            return text;
        }

        var safe = new ArrayBufferWriter<byte>();
        Write(Encoding.UTF8.GetBytes(text.ReplaceLineEndings(" ")), safe);
        return Encoding.UTF8.GetString(safe.WrittenSpan);
    }

    public static void Write(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
    {
        while (text.IndexOfAny(Doubtful) is var place and >= 0)
        {
            output.Write(text[..place]);
            text = text[place..];
            var skip = Skip(text, out var passes);
            if (passes)
            {
                output.Write(text[..skip]);
            }

            text = text[skip..];
        }

        output.Write(text);
    }

    /// <summary>How many bytes the doubtful thing at the start has, and whether it may be shown.</summary>
    private static int Skip(ReadOnlySpan<byte> text, out bool passes)
    {
        passes = false;
        switch (text)
        {
            case [0xC2, >= 0x80 and <= 0x9F, ..]: // the one-character forms of the same escapes
                return 2;
            case [0xC2, ..]:
                passes = true;
                return 1;
            case [0x1B, (byte)'[', ..]:
                var end = text[2..].IndexOfAnyInRange((byte)0x40, (byte)0x7E);
                passes = end >= 0 && text[end + 2] == (byte)'m' && text[2..(end + 2)].IndexOfAnyExcept(ColourParameters) < 0;
                return end < 0 ? text.Length : end + 3;
            case [0x1B, (byte)']' or (byte)'P' or (byte)'X' or (byte)'^' or (byte)'_', ..]:
                var bell = text.IndexOf((byte)0x07);
                var terminator = text.IndexOf("\e\\"u8);
                return (bell, terminator) switch
                {
                    ( < 0, < 0) => text.Length,
                    (_, < 0) => bell + 1,
                    ( < 0, _) => terminator + 2,
                    _ => Math.Min(bell + 1, terminator + 2),
                };
            case [0x1B, _, ..]:
                return 2;
            default:
                return 1;
        }
    }
}
