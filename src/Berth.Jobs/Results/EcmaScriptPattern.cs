using System.Globalization;
using System.Text.RegularExpressions;
using Acornima;

// The pinned Acornima is the last major version that converts patterns; newer ones leave it to the caller.
#pragma warning disable CS0618

namespace Berth.Jobs.Results;

/// <summary>
/// A pattern in JavaScript's dialect, ready to match. One known difference from JavaScript stays: a group repeated by an
/// outer quantifier keeps its capture of an earlier round, where JavaScript forgets it.
/// </summary>
internal sealed class EcmaScriptPattern
{
    private readonly Regex _regex;
    private readonly int[] _groups;

    private EcmaScriptPattern(Regex regex)
    {
        _regex = regex;

        // A named group comes as an unnamed one around a named one, and names are numbered last: the unnamed ones are JavaScript's, in its order.
        _groups = [.. regex.GetGroupNumbers().Where(number => regex.GroupNameFromNumber(number) == number.ToString(CultureInfo.InvariantCulture))];
    }

    /// <summary>The pattern, or why there is none: <c>SyntaxError: …</c>, for JavaScript's own faults and for what cannot be converted.</summary>
    public static (EcmaScriptPattern? Pattern, string? Error) Parse(string pattern, TimeSpan limit)
    {
        try
        {
            var converted = Tokenizer.AdaptRegExp(pattern, "", matchTimeout: limit, throwIfNotAdaptable: false);
            return converted.Regex is { } regex
                ? (new EcmaScriptPattern(regex), null)
                : (null, $"SyntaxError: This regular expression is not supported: {converted.ConversionError?.Description ?? pattern}");
        }
        catch (ParseErrorException invalid)
        {
            return (null, $"SyntaxError: {invalid.Description}");
        }
        catch (Exception unsupported) when (unsupported is ArgumentException or OverflowException)
        {
            // The converter lets numbers past 32 bits through, and .NET refuses what it makes of some patterns.
            return (null, $"SyntaxError: This regular expression is not supported: {unsupported.Message}");
        }
    }

    /// <summary>Full match and every capture group, or null when the text does not match.</summary>
    /// <exception cref="RegexMatchTimeoutException">The limit is over.</exception>
    public string?[]? Match(string text)
    {
        var match = _regex.Match(text);
        return match.Success ? Array.ConvertAll(_groups, number => match.Groups[number] is { Success: true } group ? group.Value : null) : null;
    }
}
