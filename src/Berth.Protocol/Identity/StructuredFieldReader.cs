using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Berth.Protocol.Identity;

/// <summary>
/// Reads a structured header field (RFC 9651, 4.2) from a stranger: one pass, no recursion. What is not to the letter of the grammar is no field at all.
/// </summary>
internal ref struct StructuredFieldReader
{
    private const int MostDigits = 15;

    private ReadOnlySpan<char> _rest;

    private StructuredFieldReader(ReadOnlySpan<char> text) => _rest = text;

    private readonly char Next => _rest.IsEmpty ? '\0' : _rest[0];

    /// <summary>The members of a dictionary in their order, the last of a name counting; null when the text is none.</summary>
    public static OrderedDictionary<string, FieldMember>? ReadDictionary(ReadOnlySpan<char> text) => new StructuredFieldReader(text.Trim(' ')).Dictionary();

    private OrderedDictionary<string, FieldMember>? Dictionary()
    {
        var members = new OrderedDictionary<string, FieldMember>();
        while (!_rest.IsEmpty)
        {
            if (Key() is not { } key || Member() is not { } member)
            {
                return null;
            }

            members[key] = member;
            _rest = _rest.TrimStart(" \t");
            if (_rest.IsEmpty)
            {
                return members;
            }

            if (!Take(','))
            {
                return null;
            }

            _rest = _rest.TrimStart(" \t");
            if (_rest.IsEmpty)
            {
                return null;
            }
        }

        return members;
    }

    private FieldMember? Member()
    {
        if (!Take('='))
        {
            return Parameters() is { } parameters ? new FieldItem(new BooleanItem(true), parameters) : null;
        }

        return Next == '(' ? List() : Item();
    }

    private FieldList? List()
    {
        Take('(');
        var items = ImmutableArray.CreateBuilder<FieldItem>();
        while (true)
        {
            _rest = _rest.TrimStart(' ');
            if (Take(')'))
            {
                return Parameters() is { } parameters ? new FieldList(items.DrainToImmutable(), parameters) : null;
            }

            if (Item() is not { } item || Next is not (' ' or ')'))
            {
                return null;
            }

            items.Add(item);
        }
    }

    private FieldItem? Item() => Bare() is { } value && Parameters() is { } parameters ? new FieldItem(value, parameters) : null;

    private FieldParameters? Parameters()
    {
        var parameters = new FieldParameters();
        while (Take(';'))
        {
            _rest = _rest.TrimStart(' ');
            if (Key() is not { } key || (Take('=') ? Bare() : new BooleanItem(true)) is not { } value)
            {
                return null;
            }

            parameters[key] = value;
        }

        return parameters;
    }

    private string? Key()
    {
        if (!(char.IsAsciiLetterLower(Next) || Next == '*'))
        {
            return null;
        }

        return TakeWhile(static letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter is '_' or '-' or '.' or '*').ToString();
    }

    private BareItem? Bare() => Next switch
    {
        '"' => Text(),
        ':' => Bytes(),
        '?' => Boolean(),
        '-' => Integer(),
        '*' => Token(),
        var first when char.IsAsciiDigit(first) => Integer(),
        var first when char.IsAsciiLetter(first) => Token(),
        _ => null,
    };

    private IntegerItem? Integer()
    {
        var isNegative = Take('-');
        var digits = TakeWhile(char.IsAsciiDigit);
        if (digits.Length is 0 or > MostDigits || Next == '.')
        {
            return null;
        }

        var size = long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
        return new IntegerItem(isNegative ? -size : size);
    }

    private TextItem? Text()
    {
        Take('"');
        var text = new StringBuilder();
        while (!_rest.IsEmpty)
        {
            if (Take('"'))
            {
                return new TextItem(text.ToString());
            }

            var isEscaped = Take('\\');
            if (Next is < ' ' or > '~' || (isEscaped && Next is not ('"' or '\\')))
            {
                return null;
            }

            text.Append(Next);
            _rest = _rest[1..];
        }

        return null;
    }

    private TokenItem Token() => new(TakeWhile(static letter => char.IsAsciiLetterOrDigit(letter) || "!#$%&'*+-.^_`|~:/".Contains(letter, StringComparison.Ordinal)).ToString());

    private BytesItem? Bytes()
    {
        Take(':');
        var base64 = TakeWhile(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '+' or '/' or '=');
        var bytes = new byte[(base64.Length / 4 * 3) + 3];

        // Padding may be left out (RFC 9651, 4.2.7); what else is wrong with the base64 is wrong.
        var padded = base64.ToString().PadRight((base64.Length + 3) / 4 * 4, '=');
        return Take(':') && Convert.TryFromBase64String(padded, bytes, out var length) ? new BytesItem([.. bytes.AsSpan(0, length)]) : null;
    }

    private BooleanItem? Boolean()
    {
        Take('?');
        return Take('1') ? new BooleanItem(true) : Take('0') ? new BooleanItem(false) : null;
    }

    private bool Take(char expected)
    {
        if (_rest.IsEmpty || _rest[0] != expected)
        {
            return false;
        }

        _rest = _rest[1..];
        return true;
    }

    private ReadOnlySpan<char> TakeWhile(Func<char, bool> isOfIt)
    {
        var length = 0;
        while (length < _rest.Length && isOfIt(_rest[length]))
        {
            length++;
        }

        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
