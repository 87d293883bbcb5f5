using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;

namespace Berth.Jobs.Placeholders;

/// <summary>
/// Finds placeholders in a text from left to right:
/// <code>
/// placeholder = "%%" ( "ops." name 1*( "." part ) | ( "global." | "globals." ) name *( "." part ) ) "%%"
/// name        = quoted | 1*( any character but "." and a newline )   ; ends before "%%"
/// part        = quoted | *( letter | digit | "_" | "-" )
/// quoted      = '"' *( any character, '"' and '\' behind a '\' ) '"'
/// </code>
/// What is none of these stays text, and so may any percent signs.
/// </summary>
internal static class PlaceholderScanner
{
    private const string Fence = "%%";

    /// <summary>So many dots may an id have that is not in quotes.</summary>
    private const int MostDots = 32;

    /// <summary>A placeholder of more parts than any real one has is taken as it begins.</summary>
    private const int MostParts = 128;

    private static readonly ImmutableArray<string> Roots = ["ops.", "global.", "globals."];

    public static IEnumerable<Placeholder> Scan(string text, Func<OperationId, bool>? isKnown)
    {
        var at = text.IndexOf(Fence, StringComparison.Ordinal);
        while (at >= 0)
        {
            var end = at + 1;
            if (Read(text, at, isKnown) is { } placeholder)
            {
                yield return placeholder;
                end = at + placeholder.Text.Length;
            }

            at = text.IndexOf(Fence, end, StringComparison.Ordinal);
        }
    }

    /// <summary>The placeholder that is all of the text.</summary>
    public static Placeholder? Whole(string text, Func<OperationId, bool>? isKnown) =>
        text.StartsWith(Fence, StringComparison.Ordinal) && Read(text, 0, isKnown) is { } placeholder && placeholder.Text.Length == text.Length ? placeholder : null;

    private static Placeholder? Read(string text, int start, Func<OperationId, bool>? isKnown)
    {
        var root = Roots.FirstOrDefault(root => text.AsSpan(start + Fence.Length).StartsWith(root, StringComparison.Ordinal));
        if (root is null)
        {
            return null;
        }

        var at = start + Fence.Length + root.Length;
        if (ReadSegment(text, ref at, IsOfName) is not { } name || (name is { Text: "", IsQuoted: false }))
        {
            return null;
        }

        var segments = ImmutableArray.CreateBuilder<Segment>();
        segments.Add(name);
        while (at < text.Length && text[at] == '.')
        {
            at++;
            if (ReadSegment(text, ref at, IsOfPart) is not { } part)
            {
                return null;
            }

            segments.Add(part);
        }

        if (!EndsAt(text, at) || (root == "ops." && segments.Count == 1))
        {
            return null;
        }

        var written = text[start..(at + Fence.Length)];
        return root == "ops."
            ? OfOperation(segments.ToImmutable(), isKnown) with { Start = start, Text = written }
            : OfRun(segments.ToImmutable()) with { Start = start, Text = written };
    }

    private static Segment? ReadSegment(string text, ref int at, Func<char, bool> belongs)
    {
        if (at < text.Length && text[at] == '"')
        {
            return ReadQuoted(text, ref at);
        }

        var start = at;
        while (at < text.Length && belongs(text[at]) && !EndsAt(text, at))
        {
            at++;
        }

        return new Segment(text[start..at], IsQuoted: false);
    }

    private static Segment? ReadQuoted(string text, ref int at)
    {
        var content = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] == '"')
            {
                at++;
                return new Segment(content.ToString(), IsQuoted: true);
            }

            if (text[at] == '\\' && at + 1 < text.Length && text[at + 1] is '"' or '\\')
            {
                at++;
            }

            content.Append(text[at]);
        }

        return null;
    }

    private static bool EndsAt(string text, int at) => text.AsSpan(at).StartsWith(Fence, StringComparison.Ordinal);

    private static bool IsOfName(char character) => character is not ('.' or '\n' or '\r');

    private static bool IsOfPart(char character) => char.IsAsciiLetterOrDigit(character) || character is '_' or '-';

    private static Placeholder OfRun(ImmutableArray<Segment> segments) => segments switch
    {
        [var only] => new Placeholder(PlaceholderKind.Global, only.Text) { Start = 0, Text = "" },
        [{ Text: "variables" }, .. var name] => new Placeholder(PlaceholderKind.Variable, "variables") { Key = Joined(name), Start = 0, Text = "" },
        [var member, .. var rest] => new Placeholder(PlaceholderKind.Global, member.Text) { Key = Joined(rest), Start = 0, Text = "" },
        _ => throw new UnreachableException("A placeholder has a name."),
    };

    /// <summary>An id may contain dots: of the ids the text allows, the known one is meant, else the shortest that leaves something an operation has.</summary>
    private static Placeholder OfOperation(ImmutableArray<Segment> segments, Func<OperationId, bool>? isKnown)
    {
        var longest = segments[0].IsQuoted || segments.Length > MostParts ? 1 : segments.Take(Math.Min(segments.Length - 1, MostDots + 1)).TakeWhile(segment => !segment.IsQuoted).Count();
        var readings = Enumerable.Range(1, longest).Select(length => Reading(segments, length)).ToList();
        var known = readings.Where(reading => reading.Operation is { } id && isKnown?.Invoke(id) == true).ToList();
        var sound = known.Where(PlaceholderMembers.Offers).ToList();
        return sound.LastOrDefault() is { } meant
            ? meant with { IsAmbiguous = sound.Count > 1 }
            : known.LastOrDefault() ?? readings.FirstOrDefault(PlaceholderMembers.Offers) ?? readings[0];
    }

    private static Placeholder Reading(ImmutableArray<Segment> segments, int idLength) =>
        new(PlaceholderKind.Operation, segments[idLength].Text)
        {
            Operation = new OperationId(Joined(segments[..idLength])),
            Key = idLength + 1 < segments.Length ? Joined(segments[(idLength + 1)..]) : null,
            Start = 0,
            Text = "",
        };

    private static string Joined(IEnumerable<Segment> segments) => string.Join('.', segments.Select(segment => segment.Text));

    private readonly record struct Segment(string Text, bool IsQuoted);
}
