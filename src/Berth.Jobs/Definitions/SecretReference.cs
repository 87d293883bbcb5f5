using System.Text.RegularExpressions;

namespace Berth.Jobs.Definitions;

/// <summary>
/// <c>{ "secret": "NAME" }</c>: a value that does not stand in the document. It may stand where a variable of <c>env</c>, a member of a registry login or a credential of a resource has
/// its text; what it stands for is put in right before the operation starts, and is never read as anything but a text.
/// </summary>
/// <param name="Name">The secret's name.</param>
/// <param name="Path">Where it is named.</param>
/// <param name="Position">The same place, for people.</param>
public sealed partial record SecretReference(string Name, string Path, TextPosition Position)
{
    /// <summary>The only member of a reference.</summary>
    public const string Member = "secret";

    /// <summary>The most secrets that one definition may name.</summary>
    public const int MostNames = 64;

    /// <summary>The longest value, bytes of UTF-8.</summary>
    public const int LongestValue = 64 * 1024;

    /// <summary>What a name must be, in words.</summary>
    public const string NameRule = "The name of a secret begins with a letter and goes on with letters, digits and '_', 64 at most.";

    /// <summary>Whether the text can be the name of a secret.</summary>
    public static bool IsName(string text) => Pattern.IsMatch(text);

    /// <summary>The name in a node that is a reference, else null.</summary>
    internal static string? NameIn(DocumentNode node) => node is ObjectNode { Members: [{ Name: Member, Value: TextNode { Value: var name } }] } ? name : null;

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9_]{0,63}\z")]
    private static partial Regex Pattern { get; }
}
