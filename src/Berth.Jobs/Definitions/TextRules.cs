namespace Berth.Jobs.Definitions;

/// <summary>What every text of a document must hold to, wherever it stands.</summary>
internal static class TextRules
{
    public static void Check(string text, DocumentPath path, TextPosition position, ProblemList problems)
    {
        if (text.Length > DocumentText.LongestText)
        {
            problems.Error(path, position, $"This text is too long: {text.Length} characters, and {DocumentText.LongestText} are allowed.");
        }

        if (text.Contains('\0'))
        {
            problems.Error(path, position, "This text has a NUL character; no program can be given one.");
        }

        if (HasLoneSurrogate(text))
        {
            problems.Error(path, position, "This text has half of a surrogate pair, which is no character.");
        }
    }

    private static bool HasLoneSurrogate(string text)
    {
        var from = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF');
        for (var i = from; i >= 0 && i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
            {
                continue;
            }

            if (i + 1 >= text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
            {
                return true;
            }

            i++;
        }

        return false;
    }
}
