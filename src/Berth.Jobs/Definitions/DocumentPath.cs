using System.Text;
using System.Text.RegularExpressions;

namespace Berth.Jobs.Definitions;

/// <summary>The way from the root of a document to one of its values, written as JSON path.</summary>
internal sealed partial class DocumentPath
{
    private const int LongestNameShown = 128;

    private readonly DocumentPath? _parent;
    private readonly string _segment;

    private DocumentPath(DocumentPath? parent, string segment, bool isSecret)
    {
        _parent = parent;
        _segment = segment;
        IsSecret = isSecret;
    }

    public static DocumentPath Root { get; } = new(null, "$", isSecret: false);

    /// <summary>Whether what stands here may be a credential, judged by the names on the way; such values are never shown.</summary>
    public bool IsSecret { get; }

    /// <summary>A path that was written out before, to go on from.</summary>
    public static DocumentPath Of(string written) => new(null, written, SecretName.IsMatch(written));

    public DocumentPath Member(string name) => new(this, Written(name), IsSecret || SecretName.IsMatch(name));

    public DocumentPath Item(int index) => new(this, $"[{index}]", IsSecret);

    public override string ToString()
    {
        var segments = new Stack<string>();
        for (var path = this; path is not null; path = path._parent)
        {
            segments.Push(path._segment);
        }

        return new StringBuilder().AppendJoin("", segments).ToString();
    }

    private static string Written(string name)
    {
        var shown = name.Length > LongestNameShown ? name[..LongestNameShown] + "…" : name;
        return Identifier.IsMatch(name)
            ? $".{shown}"
            : $"['{shown.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}']";
    }

    [GeneratedRegex(@"^[A-Za-z_$][A-Za-z0-9_$]*\z")]
    private static partial Regex Identifier { get; }

    [GeneratedRegex("token|secret|passw|key|credential|authorization|cookie|^IAM$", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName { get; }
}
