using System.Collections.Immutable;
using System.Globalization;

namespace Berth.Jobs.Definitions;

/// <summary>
/// One object of a document under reading: hands out members by name, remembers where it stands, and notes what is missing,
/// of the wrong kind or unknown.
/// </summary>
internal sealed class Form(ObjectNode node, DocumentPath path, ProblemList problems)
{
    private const int LongestShown = 60;

    public ObjectNode Node => node;

    public DocumentPath Path => path;

    public ProblemList Problems => problems;

    public DocumentNode? this[string name] => node[name];

    public DocumentPath At(string name) => path.Member(name);

    public bool Has(string name) => node[name] is not null;

    /// <summary>Notes every member that the language does not have here.</summary>
    public Form Knows(ImmutableArray<string> names)
    {
        var absent = names.Where(name => !Has(name)).ToList();
        foreach (var member in node.Members.Where(member => !names.Contains(member.Name) && !problems.IsFull))
        {
            var near = NearName.Of(member.Name, absent);
            problems.Error(
                path.Member(member.Name),
                member.NamePosition,
                $"This member is not known here{NearName.Question(near)}",
                expected: $"one of {string.Join(", ", names)}",
                suggestion: near);
        }

        return this;
    }

    public DocumentNode? Required(string name, string expected)
    {
        if (node[name] is { } value)
        {
            return value;
        }

        problems.Error(path.Member(name), node.Position, $"'{name}' is missing.", expected: expected);
        return null;
    }

    public string? RequiredText(string name) =>
        Required(name, "a text") is { } value ? TextOf(value, path.Member(name), problems) : null;

    public string? Text(string name) => node[name] is { } value ? TextOf(value, path.Member(name), problems) : null;

    /// <summary>A text, or a reference to a secret, which is given as it is written.</summary>
    public static string? TextOrSecretOf(DocumentNode value, DocumentPath path, ProblemList problems)
    {
        if (value is not ObjectNode reference)
        {
            return TextOf(value, path, problems);
        }

        var form = new Form(reference, path, problems).Knows(LanguageMembers.SecretReference);
        if (form.RequiredText(SecretReference.Member) is { } name && !SecretReference.IsName(name))
        {
            problems.Error(path.Member(SecretReference.Member), form[SecretReference.Member]!.Position, SecretReference.NameRule, Shortened(name), "the name of a secret");
        }

        return JobDefinitionWriter.Text(reference);

        static string Shortened(string text) => ProblemList.Shortened(text, LongestShown);
    }

    public string? TextOrSecret(string name) => node[name] is { } value ? TextOrSecretOf(value, path.Member(name), problems) : null;

    public string? RequiredTextOrSecret(string name) => Required(name, "a text, or a secret by name") is null ? null : TextOrSecret(name);

    public bool? Flag(string name)
    {
        switch (node[name])
        {
            case null:
                return null;
            case BooleanNode { Value: var value }:
                return value;
            case var other:
                var meant = other is TextNode { Value: "true" or "false" } text ? $"{text.Value}, without quotes" : null;
                Wrong(other, path.Member(name), "true or false", problems, meant);
                return null;
        }
    }

    public double? Number(string name)
    {
        switch (node[name])
        {
            case null:
                return null;
            case NumberNode { Raw: var raw }:
                return double.Parse(raw, NumberStyles.Float, CultureInfo.InvariantCulture);
            case var other:
                Wrong(other, path.Member(name), "a number", problems);
                return null;
        }
    }

    /// <summary>A whole number in the bounds; null when there is none or it was refused.</summary>
    public int? Whole(string name, int least, int most)
    {
        if (Number(name) is not { } number)
        {
            return null;
        }

        if (number >= least && number <= most && Math.Floor(number) == number)
        {
            return (int)number;
        }

        Refuse(name, $"'{name}' must be a whole number from {least} to {most}.", $"a whole number from {least} to {most}");
        return null;
    }

    /// <summary>One of the words; null when there is none or it was refused.</summary>
    public string? Word(string name, ImmutableArray<string> words)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        if (words.Contains(text))
        {
            return text;
        }

        var near = NearName.Of(text, words);
        var expected = $"one of {string.Join(", ", words)}";
        Refuse(
            name,
            $"'{name}' must be {expected}{NearName.Question(near)}",
            expected,
            near);
        return null;
    }

    public Form? Object(string name) =>
        node[name] is { } value ? ObjectOf(value, path.Member(name), problems) : null;

    /// <summary>The elements with their places; none when the list is missing or refused.</summary>
    public IEnumerable<(DocumentNode Node, DocumentPath Path)> List(string name)
    {
        switch (node[name])
        {
            case null:
                return [];
            case ListNode { Items: var items }:
                var listPath = path.Member(name);
                return items.Select((item, index) => (item, listPath.Item(index)));
            case var other:
                Wrong(other, path.Member(name), "a list", problems);
                return [];
        }
    }

    /// <summary>Whether the list or object has more in it than is looked at, which is noted.</summary>
    public bool IsTooLong(string name, int most = JobDefinitionReader.MostEntries)
    {
        var count = node[name] switch
        {
            ListNode { Items.Length: var items } => items,
            ObjectNode { Members.Length: var members } => members,
            _ => 0,
        };
        if (count <= most)
        {
            return false;
        }

        Refuse(name, $"'{name}' has {count} entries, and {most} are allowed.");
        return true;
    }

    /// <summary>Names with texts, in their order; <paramref name="valueOf"/> says what a value means.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Map(string name, Func<DocumentNode, DocumentPath, string?> valueOf)
    {
        if (Object(name) is not { } map || IsTooLong(name, JobDefinitionReader.MostVariables))
        {
            return [];
        }

        var pairs = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        foreach (var member in map.Node.Members)
        {
            if (valueOf(member.Value, map.At(member.Name)) is { } value)
            {
                pairs.Add(new(member.Name, value));
            }
        }

        return pairs.ToImmutable();
    }

    public void Refuse(string name, string message, string? expected = null, string? suggestion = null)
    {
        var value = node[name];
        var memberPath = path.Member(name);
        problems.Error(memberPath, value?.Position ?? node.Position, message, value is null ? null : Shown(value, memberPath), expected, suggestion);
    }

    public void Warn(string name, string message, string? suggestion = null) =>
        problems.Warning(path.Member(name), node[name]?.Position ?? node.Position, message, suggestion: suggestion);

    public static string? TextOf(DocumentNode value, DocumentPath path, ProblemList problems)
    {
        if (value is TextNode { Value: var text })
        {
            return text;
        }

        if (problems.IsFull)
        {
            return null;
        }

        var quoted = value is NumberNode or BooleanNode ? path.IsSecret ? "write it in quotes" : $"write it in quotes: \"{Shown(value, path)}\"" : null;
        Wrong(value, path, "a text", problems, quoted);
        return null;
    }

    public static Form? ObjectOf(DocumentNode value, DocumentPath path, ProblemList problems)
    {
        if (value is ObjectNode found)
        {
            return new Form(found, path, problems);
        }

        Wrong(value, path, "an object", problems);
        return null;
    }

    public static void Wrong(DocumentNode value, DocumentPath path, string expected, ProblemList problems, string? mend = null) =>
        problems.Error(
            path,
            value.Position,
            $"Here must be {expected}, but {KindOf(value)} stands here{(mend is null ? "" : $"; {mend}")}.",
            Shown(value, path),
            expected);

    /// <summary>The value as a message may show it: shortened, and never a credential.</summary>
    public static string Shown(DocumentNode value, DocumentPath path) => value switch
    {
        ObjectNode => "an object",
        ListNode => "a list",
        NullNode => "null",
        _ when path.IsSecret => "•••",
        TextNode { Value: var text } => ProblemList.Shortened(text, LongestShown),
        NumberNode { Raw: var raw } => ProblemList.Shortened(raw, LongestShown),
        BooleanNode { Value: var flag } => flag ? "true" : "false",
        _ => "",
    };

    private static string KindOf(DocumentNode value) => value switch
    {
        ObjectNode => "an object",
        ListNode => "a list",
        TextNode => "a text",
        NumberNode => "a number",
        BooleanNode => "true or false",
        _ => "null",
    };
}
