using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Berth.Jobs.Definitions;

/// <summary>
/// Reads JSON with comments and trailing commas. It goes by hand because its messages are for the person who typed the text:
/// a forgotten comma is named as such, and reading goes on behind it.
/// </summary>
internal sealed class JsonDocumentSource
{
    private readonly string _text;
    private readonly TextCursor _cursor;
    private readonly ProblemList _problems;
    private int _at;

    private JsonDocumentSource(string text, ProblemList problems)
    {
        _text = text;
        _cursor = new TextCursor(text);
        _problems = problems;
    }

    /// <summary>The tree, or null when the text is broken in a way that stops the reading.</summary>
    public static DocumentNode? Read(string text, ProblemList problems) => new JsonDocumentSource(text, problems).Document();

    private DocumentNode? Document()
    {
        if (!Skip(DocumentPath.Root))
        {
            return null;
        }

        if (AtEnd)
        {
            return Stop(DocumentPath.Root, "The document is empty.");
        }

        if (Value(DocumentPath.Root, 1) is not { } root || !Skip(DocumentPath.Root))
        {
            return null;
        }

        return AtEnd ? root : Stop(DocumentPath.Root, "The document has ended, but more text follows.");
    }

    private bool AtEnd => _at >= _text.Length;

    private TextPosition Here => _cursor.At(_at);

    private DocumentNode? Value(DocumentPath path, int depth)
    {
        var position = Here;
        switch (_text[_at])
        {
            case '{' or '[' when depth > DocumentText.DeepestNesting:
                return Stop(path, $"Objects and lists stand more than {DocumentText.DeepestNesting} deep in one another.");
            case '{':
                return Object(path, position, depth);
            case '[':
                return List(path, position, depth);
            case '"':
                return Text(path) is { } text ? new TextNode(text, position) : null;
            case '-' or (>= '0' and <= '9'):
                return Number(path, position);
            default:
                return Word(path, position);
        }
    }

    private ObjectNode? Object(DocumentPath path, TextPosition opened, int depth)
    {
        var members = ImmutableArray.CreateBuilder<ObjectMember>();
        var places = new Dictionary<string, TextPosition>(StringComparer.Ordinal);
        _at++;
        while (true)
        {
            if (!SkipInside(path, "object", opened))
            {
                return null;
            }

            if (_text[_at] == '}')
            {
                _at++;
                return new ObjectNode(members.ToImmutable(), opened);
            }

            if (_text[_at] != '"')
            {
                Stop(path, NameExpected());
                return null;
            }

            var namePosition = Here;
            if (Text(path) is not { } name || !SkipInside(path, "object", opened))
            {
                return null;
            }

            var memberPath = path.Member(name);
            if (_text[_at] != ':')
            {
                Stop(memberPath, "A colon is missing after this name.");
                return null;
            }

            _at++;
            if (!SkipInside(memberPath, "object", opened) || Value(memberPath, depth + 1) is not { } value)
            {
                return null;
            }

            if (places.TryAdd(name, namePosition))
            {
                members.Add(new ObjectMember(name, value, namePosition));
            }
            else
            {
                _problems.Error(memberPath, namePosition, $"This name stands here for the second time; it was given first at {places[name]}.");
            }

            if (!Comma(memberPath, '}', "member", opened))
            {
                return null;
            }
        }
    }

    private ListNode? List(DocumentPath path, TextPosition opened, int depth)
    {
        var items = ImmutableArray.CreateBuilder<DocumentNode>();
        _at++;
        while (true)
        {
            if (!SkipInside(path, "list", opened))
            {
                return null;
            }

            if (_text[_at] == ']')
            {
                _at++;
                return new ListNode(items.ToImmutable(), opened);
            }

            var itemPath = path.Item(items.Count);
            if (Value(itemPath, depth + 1) is not { } item)
            {
                return null;
            }

            items.Add(item);
            if (!Comma(itemPath, ']', "element", opened))
            {
                return null;
            }
        }
    }

    /// <summary>Passes the comma after a member or element; where only the comma is missing, says so and goes on.</summary>
    private bool Comma(DocumentPath path, char close, string what, TextPosition opened)
    {
        var end = Here;
        if (!SkipInside(path, close == '}' ? "object" : "list", opened))
        {
            return false;
        }

        var next = _text[_at];
        if (next == ',')
        {
            _at++;
            return true;
        }

        if (next == close)
        {
            return true;
        }

        if (next == '"' || (close == ']' && (next is '{' or '[' or '-' || char.IsAsciiLetterOrDigit(next))))
        {
            _problems.Error(path, end, $"A comma is missing after this {what}; the next one begins at {Here}.", expected: "a comma");
            return true;
        }

        Stop(path, $"After this {what} a comma or '{close}' must follow.", Shown(next));
        return false;
    }

    private string? Text(DocumentPath path)
    {
        var opened = Here;
        var start = ++_at;
        StringBuilder? built = null;
        while (true)
        {
            if (AtEnd)
            {
                _problems.Error(path, opened, "The document ends inside the text that begins here; its closing quote is missing.");
                return null;
            }

            var character = _text[_at];
            if (character == '"')
            {
                var text = built is null ? _text[start.._at] : built.Append(_text, start, _at - start).ToString();
                _at++;
                TextRules.Check(text, path, opened, _problems);
                return text;
            }

            if (character < ' ')
            {
                Stop(path, character is '\n' or '\r'
                    ? "A text must end on the line it began on; close the quote, or write \\n for a new line."
                    : "A control character must be written as an escape such as \\t.", Shown(character));
                return null;
            }

            if (character != '\\')
            {
                _at++;
                continue;
            }

            (built ??= new StringBuilder()).Append(_text, start, _at - start);
            if (Escape(path) is not { } meant)
            {
                return null;
            }

            built.Append(meant);
            start = _at;
        }
    }

    private char? Escape(DocumentPath path)
    {
        var letter = _at + 1 < _text.Length ? _text[_at + 1] : '\0';
        if (letter == 'u')
        {
            if (_at + 6 <= _text.Length
                && ushort.TryParse(_text.AsSpan(_at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit))
            {
                _at += 6;
                return (char)unit;
            }

            Stop(path, "After \\u four hexadecimal digits must follow.");
            return null;
        }

        char? meant = letter switch
        {
            '"' or '\\' or '/' => letter,
            'b' => '\b',
            'f' => '\f',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => null,
        };
        if (meant is null)
        {
            Stop(path, "JSON knows no such escape; for a backslash itself write two.", letter == '\0' ? null : $"\\{letter}");
            return null;
        }

        _at += 2;
        return meant;
    }

    private NumberNode? Number(DocumentPath path, TextPosition position)
    {
        var start = _at;
        if (_text[_at] == '-')
        {
            _at++;
        }

        var whole = Digits();
        var isNumber = whole == 1 || (whole > 1 && _text[_at - whole] != '0');
        if (isNumber && !AtEnd && _text[_at] == '.')
        {
            _at++;
            isNumber = Digits() > 0;
        }

        if (isNumber && !AtEnd && _text[_at] is 'e' or 'E')
        {
            _at += _at + 1 < _text.Length && _text[_at + 1] is '+' or '-' ? 2 : 1;
            isNumber = Digits() > 0;
        }

        if (isNumber && (AtEnd || !(char.IsLetterOrDigit(_text[_at]) || _text[_at] is '.' or '+' or '-' or '_')))
        {
            return new NumberNode(_text[start.._at], position);
        }

        _problems.Error(path, position, "This is no number that JSON knows: no leading zeros, digits on both sides of the point; put it in quotes if it is text.");
        return null;
    }

    private int Digits()
    {
        var start = _at;
        while (!AtEnd && char.IsAsciiDigit(_text[_at]))
        {
            _at++;
        }

        return _at - start;
    }

    private DocumentNode? Word(DocumentPath path, TextPosition position)
    {
        var end = _at;
        while (end < _text.Length && end - _at < 32 && (char.IsAsciiLetterOrDigit(_text[end]) || _text[end] == '_'))
        {
            end++;
        }

        var word = _text[_at..end];
        switch (word)
        {
            case "true" or "false":
                _at = end;
                return new BooleanNode(word == "true", position);
            case "null":
                _at = end;
                return new NullNode(position);
            case "True" or "TRUE" or "False" or "FALSE" or "None" or "Null" or "NULL":
                var meant = word is "None" ? "null" : word.ToLowerInvariant();
                return Stop(path, $"JSON writes this as {meant}.", word, suggestion: meant);
            case "":
                return Stop(path, _text[_at] switch
                {
                    '\'' => "JSON puts texts in double quotes, not in single ones.",
                    '“' or '”' or '„' => "These are typographic quotes; JSON wants the plain double quote.",
                    ',' => "There is a comma where a value is expected.",
                    '}' or ']' => "A value is missing here.",
                    _ => "A value is expected here.",
                }, Shown(_text[_at]));
            default:
                return Stop(path, "A value is expected here; a text must be in double quotes.");
        }
    }

    private string NameExpected() => _text[_at] switch
    {
        '\'' => "JSON puts names in double quotes, not in single ones.",
        '“' or '”' or '„' => "These are typographic quotes; JSON wants the plain double quote.",
        ',' => "There is a comma too many here.",
        var other when char.IsLetter(other) || other == '_' => "The name of a member must be in double quotes.",
        _ => "The name of a member, in double quotes, or '}' is expected here.",
    };

    private bool SkipInside(DocumentPath path, string what, TextPosition opened)
    {
        if (!Skip(path))
        {
            return false;
        }

        if (!AtEnd)
        {
            return true;
        }

        Stop(path, $"The document ends, but the {what} that begins at {opened} is not closed.", expected: what == "list" ? "]" : "}");
        return false;
    }

    /// <summary>Passes blanks and comments; false when a comment is not closed.</summary>
    private bool Skip(DocumentPath path)
    {
        while (!AtEnd)
        {
            if (_text[_at] is ' ' or '\t' or '\n' or '\r')
            {
                _at++;
            }
            else if (Follows("//"))
            {
                var end = _text.AsSpan(_at).IndexOfAny('\n', '\r');
                _at = end < 0 ? _text.Length : _at + end;
            }
            else if (Follows("/*"))
            {
                var end = _text.IndexOf("*/", _at + 2, StringComparison.Ordinal);
                if (end < 0)
                {
                    Stop(path, "The comment that begins here is not closed.");
                    return false;
                }

                _at = end + 2;
            }
            else
            {
                break;
            }
        }

        return true;
    }

    private bool Follows(string mark) => string.CompareOrdinal(_text, _at, mark, 0, mark.Length) == 0;

    private DocumentNode? Stop(DocumentPath path, string message, string? found = null, string? expected = null, string? suggestion = null)
    {
        _problems.Error(path, Here, message, found, expected, suggestion);
        return null;
    }

    private static string Shown(char character) =>
        char.IsControl(character) || char.IsSurrogate(character) || (char.IsWhiteSpace(character) && character != ' ')
            ? $"U+{(int)character:X4}"
            : $"'{character}'";
}
