using System.Text;
using System.Text.Unicode;

namespace Berth.Jobs.Definitions;

/// <summary>Turns bytes into a tree of nodes that know their place. Whatever the bytes are, the answer is a tree or problems, never an exception.</summary>
public static class DocumentText
{
    /// <summary>The largest document that is looked at, in bytes.</summary>
    public const int LargestSize = 1024 * 1024;

    /// <summary>How deep objects and lists may stand in one another.</summary>
    public const int DeepestNesting = 64;

    /// <summary>The longest single text or name, in characters.</summary>
    public const int LongestText = 256 * 1024;

    public static DocumentReading Read(ReadOnlyMemory<byte> utf8, DocumentFormat format)
    {
        var problems = new ProblemList();
        var root = Decode(utf8.Span, problems) is { } text
            ? format is DocumentFormat.Yaml ? YamlDocumentSource.Read(text, problems) : JsonDocumentSource.Read(text, problems)
            : null;

        return new DocumentReading(problems.HasErrors ? null : root, problems.ToImmutable());
    }

    private static string? Decode(ReadOnlySpan<byte> utf8, ProblemList problems)
    {
        if (utf8.Length > LargestSize)
        {
            problems.Error(DocumentPath.Root, Start, $"The document is too large: {utf8.Length} bytes, and {LargestSize} are allowed.");
            return null;
        }

        if (utf8 is [0xFE, 0xFF, ..] or [0xFF, 0xFE, ..])
        {
            problems.Error(DocumentPath.Root, Start, "The document is in UTF-16; save it as UTF-8.");
            return null;
        }

        var body = utf8 is [0xEF, 0xBB, 0xBF, ..] ? utf8[3..] : utf8;
        if (Utf8.IsValid(body))
        {
            return Encoding.UTF8.GetString(body);
        }

        problems.Error(DocumentPath.Root, FirstInvalid(body), "There is a byte here that is no UTF-8; save the document as UTF-8.");
        return null;
    }

    private static TextPosition Start => new(1, 1);

    private static TextPosition FirstInvalid(ReadOnlySpan<byte> body)
    {
        var valid = 0;
        while (Rune.DecodeFromUtf8(body[valid..], out _, out var length) == System.Buffers.OperationStatus.Done)
        {
            valid += length;
        }

        var text = Encoding.UTF8.GetString(body[..valid]);
        return new TextCursor(text).At(text.Length);
    }
}
