using System.Text;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Jobs.Definitions;

public sealed class JsonTextTests
{
    [Fact]
    public void Comments_and_trailing_commas_are_read_over() =>
        Assert.Equal(2, Sample.Valid(Sample.Json(Sample.TwoOperations)).Operations.Length);

    [Fact]
    public void A_forgotten_comma_is_named_where_it_belongs()
    {
        var problem = Assert.Single(Sample.Json("""
            {
              "version": "0.1",
              "type": "container"
              "ops": [],
            }
            """).Problems);

        Assert.Equal("A comma is missing after this member; the next one begins at 4:3.", problem.Message);
        Assert.Equal(new TextPosition(3, 22), problem.Position);
        Assert.Equal("$.type", problem.Path);
    }

    [Fact]
    public void Every_forgotten_comma_is_told_at_once() =>
        Assert.Equal(2, Sample.Json("""{ "a": 1 "b": [1 2] }""").Problems.Length);

    [Theory]
    [InlineData("", "1:1", "empty")]
    [InlineData("  // nothing", "1:13", "empty")]
    [InlineData("{", "1:2", "begins at 1:1 is not closed")]
    [InlineData("{\n  \"ops\": [\n", "3:1", "list that begins at 2:10 is not closed")]
    [InlineData("{ \"a", "1:3", "closing quote is missing")]
    [InlineData("{ \"a\n\": 1 }", "1:5", "end on the line")]
    [InlineData("{ \"a\" 1 }", "1:7", "colon is missing")]
    [InlineData("{ 'a': 1 }", "1:3", "double quotes, not in single")]
    [InlineData("{ a: 1 }", "1:3", "must be in double quotes")]
    [InlineData("{ \"a\": 'b' }", "1:8", "double quotes, not in single")]
    [InlineData("{ \"a\": “b” }", "1:8", "typographic quotes")]
    [InlineData("{ \"a\": True }", "1:8", "JSON writes this as true")]
    [InlineData("{ \"a\": None }", "1:8", "JSON writes this as null")]
    [InlineData("{ \"a\": NaN }", "1:8", "must be in double quotes")]
    [InlineData("{ \"a\": 012 }", "1:8", "no number")]
    [InlineData("{ \"a\": 1. }", "1:8", "no number")]
    [InlineData("{ \"a\": +1 }", "1:8", "value is expected")]
    [InlineData("{ \"a\": , }", "1:8", "a comma where a value")]
    [InlineData("{ , }", "1:3", "comma too many")]
    [InlineData("{ \"a\": 1; }", "1:9", "a comma or '}' must follow")]
    [InlineData("{} {}", "1:4", "more text follows")]
    [InlineData("{ /* }", "1:3", "comment that begins here")]
    [InlineData("{ \"a\": \"\\x\" }", "1:9", "no such escape")]
    [InlineData("{ \"a\": \"\\u12\" }", "1:9", "four hexadecimal digits")]
    [InlineData("{ \"a\": \"\\ud800\" }", "1:8", "surrogate")]
    [InlineData("{ \"a\": \"\\u0000\" }", "1:8", "NUL")]
    [InlineData("{ \"a\": \"\u0001\" }", "1:9", "control character")]
    [InlineData("{ \"😀\": x }", "1:8", "value is expected")]
    [InlineData("{ \"a\": 1,\r\n \"a\": 2 }", "2:2", "second time; it was given first at 1:3")]
    public void Broken_text_is_explained_where_it_breaks(string text, string position, string explanation)
    {
        var problem = DocumentText.Read(Encoding.UTF8.GetBytes(text), DocumentFormat.Json).Problems[0];

        Assert.Equal(position, problem.Position.ToString());
        Assert.Contains(explanation, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_order_mark_is_read_over_and_other_encodings_are_refused()
    {
        byte[] marked = [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(Sample.TwoOperations)];
        var utf16 = Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("{}")).ToArray();
        byte[] latin = [(byte)'{', (byte)'\n', (byte)' ', 0xE9, (byte)'}'];

        Sample.Valid(JobDefinitionReader.Read(marked, DocumentFormat.Json));
        Assert.Contains("UTF-16", Assert.Single(JobDefinitionReader.Read(utf16, DocumentFormat.Json).Problems).Message, StringComparison.Ordinal);
        Assert.Equal(new TextPosition(2, 2), Assert.Single(JobDefinitionReader.Read(latin, DocumentFormat.Json).Problems).Position);
    }

    [Theory]
    [InlineData(DocumentFormat.Json)]
    [InlineData(DocumentFormat.Yaml)]
    public void Depth_and_size_are_bounded(DocumentFormat format)
    {
        var deep = Encoding.UTF8.GetBytes(new string('[', 500_000));
        var deepest = Encoding.UTF8.GetBytes(new string('[', 64) + new string(']', 64));
        var large = Encoding.UTF8.GetBytes("\"" + new string('a', DocumentText.LargestSize) + "\"");
        var longText = Encoding.UTF8.GetBytes("\"" + new string('a', DocumentText.LongestText + 1) + "\"");

        Assert.Contains("more than 64 deep", Assert.Single(DocumentText.Read(deep, format).Problems).Message, StringComparison.Ordinal);
        Assert.NotNull(DocumentText.Read(deepest, format).Root);
        Assert.Contains("too large", Assert.Single(DocumentText.Read(large, format).Problems).Message, StringComparison.Ordinal);
        Assert.Contains("too long", Assert.Single(DocumentText.Read(longText, format).Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_document_of_nothing_but_faults_is_answered_shortly()
    {
        var members = string.Join(",", Enumerable.Range(0, 60_000).Select(i => $"\"m{i}\":0"));

        Assert.True(Sample.Json($"{{{members}}}").Problems.Length <= 201);
    }
}
