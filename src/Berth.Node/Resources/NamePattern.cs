using System.Text;
using System.Text.RegularExpressions;

namespace Berth.Node.Resources;

/// <summary>An element of <c>files</c>: a file's name, a folder's with a slash at its end, or a pattern where <c>*</c> is any letters, slashes too, and <c>?</c> is one.</summary>
internal sealed class NamePattern
{
    private readonly Regex _pattern;

    public NamePattern(string text)
    {
        Text = text.TrimStart('/');
        var pattern = new StringBuilder(@"\A");
        foreach (var letter in Text)
        {
            pattern.Append(letter switch { '*' => ".*", '?' => ".", _ => Regex.Escape($"{letter}") });
        }

        _pattern = new Regex(pattern.Append(Text.EndsWith('/') ? @".+\z" : @"\z").ToString(), RegexOptions.NonBacktracking | RegexOptions.Singleline);
    }

    public string Text { get; }

    /// <summary>It can only mean one file.</summary>
    public bool IsName => Text.Length > 0 && !Text.EndsWith('/') && !Text.AsSpan().ContainsAny('*', '?');

    public bool Matches(string path) => _pattern.IsMatch(path);
}
