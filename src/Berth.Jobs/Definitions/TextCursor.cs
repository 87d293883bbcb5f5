namespace Berth.Jobs.Definitions;

/// <summary>Finds line and column of places in a text; asking in the order of the text costs one walk over it.</summary>
internal sealed class TextCursor(string text)
{
    private int _index;
    private int _line = 1;
    private int _column = 1;

    /// <summary>The place of the character at the index; a surrogate pair is one character, CR LF one line end.</summary>
    public TextPosition At(int index)
    {
        index = Math.Clamp(index, 0, text.Length);
        if (index < _index)
        {
            (_index, _line, _column) = (0, 1, 1);
        }

        for (; _index < index; _index++)
        {
            var character = text[_index];
            var endsLine = character == '\n' || (character == '\r' && !(_index + 1 < text.Length && text[_index + 1] == '\n'));
            if (endsLine)
            {
                _line++;
                _column = 1;
            }
            else if (!char.IsLowSurrogate(character))
            {
                _column++;
            }
        }

        return new TextPosition(_line, _column);
    }
}
