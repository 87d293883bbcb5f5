namespace Berth.Jobs.Placeholders;

/// <summary>Writes the way to a part of a document, such as <c>$.ops[0].args.env['a b']</c>.</summary>
internal static class DocumentPath
{
    /// <summary>Deeper than a definition can be.</summary>
    public const int MaximumDepth = 256;

    public static string Member(string path, string name) =>
        name.Length > 0 && name.All(character => char.IsLetterOrDigit(character) || character is '_' or '-')
            ? $"{path}.{name}"
            : $"{path}['{name.Replace("'", "\\'", StringComparison.Ordinal)}']";

    public static string Item(string path, int index) => $"{path}[{index}]";
}
