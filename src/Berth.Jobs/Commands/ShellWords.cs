using System.Collections.Immutable;
using System.Text;

namespace Berth.Jobs.Commands;

/// <summary>
/// Splits a text into words as a shell quotes them, without being one: a variable that no single quotes protect is empty,
/// <c>#</c> at the start of a word begins a comment, and operators and wildcards are ordinary characters. What is never
/// closed reaches to the end.
/// </summary>
public static class ShellWords
{
    /// <summary>The words of the text; none for a text of blanks.</summary>
    public static ImmutableArray<string> Split(string text) => SplitWith(text, null);

    /// <summary>
    /// The words of the text with one more piece written right behind it, taken as it is: part of the last word when nothing
    /// separates them, else a word of its own.
    /// </summary>
    public static ImmutableArray<string> SplitBefore(string text, string tail) => SplitWith(text, tail);

    private static ImmutableArray<string> SplitWith(string text, string? tail)
    {
        var words = ImmutableArray.CreateBuilder<string>();
        var word = new StringBuilder();
        var inWord = false;
        var at = 0;
        while (at < text.Length)
        {
            var character = text[at];
            if (char.IsWhiteSpace(character))
            {
                EndWord();
                at++;
                continue;
            }

            if (character == '#' && !inWord)
            {
                var lineEnd = text.IndexOf('\n', at);
                at = lineEnd < 0 ? text.Length : lineEnd;
                continue;
            }

            inWord = true;
            at = character switch
            {
                '\'' => SingleQuoted(text, at, word),
                '"' => DoubleQuoted(text, at, word),
                '\\' => Escaped(text, at, word),
                '$' => Variable(text, at, word),
                _ => Plain(text, at, word),
            };
        }

        if (tail is not null)
        {
            inWord = true;
            word.Append(tail);
        }

        EndWord();
        return words.ToImmutable();

        void EndWord()
        {
            if (inWord)
            {
                words.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
        }
    }

    private static int Plain(string text, int at, StringBuilder word)
    {
        word.Append(text[at]);
        return at + 1;
    }

    private static int SingleQuoted(string text, int at, StringBuilder word)
    {
        var end = text.IndexOf('\'', at + 1);
        if (end < 0)
        {
            word.Append(text, at + 1, text.Length - at - 1);
            return text.Length;
        }

        word.Append(text, at + 1, end - at - 1);
        return end + 1;
    }

    private static int DoubleQuoted(string text, int at, StringBuilder word)
    {
        at++;
        while (at < text.Length && text[at] != '"')
        {
            at = text[at] switch
            {
                '\\' when at + 1 < text.Length && text[at + 1] is '"' or '\\' or '$' or '`' or '\n' => Escaped(text, at, word),
                '$' => Variable(text, at, word),
                _ => Plain(text, at, word),
            };
        }

        return Math.Min(at + 1, text.Length);
    }

    private static int Escaped(string text, int at, StringBuilder word)
    {
        if (at + 1 == text.Length)
        {
            return Plain(text, at, word);
        }

        // A backslash before a newline joins the two lines.
        return text[at + 1] == '\n' ? at + 2 : Plain(text, at + 1, word);
    }

    private static int Variable(string text, int at, StringBuilder word)
    {
        if (at + 1 == text.Length)
        {
            return Plain(text, at, word);
        }

        if (text[at + 1] == '{')
        {
            var end = text.IndexOf('}', at);
            return end < 0 ? text.Length : end + 1;
        }

        if ("*@#?$!-".Contains(text[at + 1]))
        {
            return at + 2;
        }

        var after = at + 1;
        while (after < text.Length && (char.IsAsciiLetterOrDigit(text[after]) || text[after] == '_'))
        {
            after++;
        }

        return after == at + 1 ? Plain(text, at, word) : after;
    }
}
