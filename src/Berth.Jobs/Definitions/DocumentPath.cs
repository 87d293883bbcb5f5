using System.Text;
using System.Text.RegularExpressions;

namespace Berth.Jobs.Definitions;

/// <summary>The way from the root of a document to one of its values, written as JSON path.</summary>
internal sealed partial class DocumentPath
{
    private const int LongestNameShown = 128;

    private readonly DocumentPath? _parent;
    private readonly string? _name;
    private readonly int _index;

    private DocumentPath(DocumentPath? parent, string? name, int index)
    {
        _parent = parent;
        _name = name;
        _index = index;
    }

    public static DocumentPath Root { get; } = Of("$");

    /// <summary>Whether what stands here may be a credential, judged by the names on the way; such values are never shown.</summary>
    public bool IsSecret => (_name is { } name && SecretName.IsMatch(name)) || _parent is { IsSecret: true };

    /// <summary>A path that was written out before, to go on from.</summary>
    public static DocumentPath Of(string written) => new(null, written, 0);

    public DocumentPath Member(string name) => new(this, name, 0);

    public DocumentPath Item(int index) => new(this, null, index);

    public override string ToString()
    {
        var segments = new Stack<string>();
        for (var path = this; path is not null; path = path._parent)
        {
            segments.Push(path._name is not { } name ? $"[{path._index}]" : path._parent is null ? name : Written(name));
        }

        return new StringBuilder().AppendJoin("", segments).ToString();
    }

    private static string Written(string name)
    {
        var shown = ProblemList.Shortened(name, LongestNameShown);
        return Identifier.IsMatch(name)
            ? $".{shown}"
            : $"['{shown.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}']";
    }

    [GeneratedRegex(@"^[A-Za-z_$][A-Za-z0-9_$]*\z")]
    private static partial Regex Identifier { get; }

    [GeneratedRegex("token|secret|passw|key|credential|authorization|cookie|^IAM$", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName { get; }
}
