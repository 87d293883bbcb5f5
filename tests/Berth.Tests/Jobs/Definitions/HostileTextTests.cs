using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Jobs.Definitions;

/// <summary>Texts that are made to take long or to break the reading: each is answered soon, in either notation, and in few words.</summary>
public sealed class HostileTextTests
{
    private const int Size = DocumentText.LargestSize - 1000;

    public static TheoryData<string> Repeated =>
        ["[", "{", "\"a\":", "{\"a\":", "%%", "{\"__spread__\":", "- ", "? ", "&a ", "!", "'", "/**/", "\n", "[{a: ", "---\n", "\t", "\u0085"];

    [Theory]
    [MemberData(nameof(Repeated))]
    public void One_thing_over_and_over_is_refused(string unit) => Answers(Many(unit, Size), refused: true);

    private static string[] Wrong =>
    [
        Argued("cmd", $"[{Many("1,", Size)}1]"),
        Argued("cmd", $"[{Many("[],", Size)}1]"),
        Argued("cmd", Quoted(4, $"%%ops.{Many("a.", 240_000)}%%")),
        Argued("env", $"{{{string.Join(',', Enumerable.Range(0, 4000).Select(i => $"\"A{i}\": {i}"))}}}"),
        Argued("expose", Many("9", Size)),
        Argued("expose", "1e999999"),
        Argued("required_vram", "1e999999"),
        Argued("cmd", "\"\\ud800\""),
        Misnamed(),
    ];

    [Fact]
    public void A_definition_that_is_wrong_in_many_places_is_refused() => Assert.All(Wrong, text => Answers(text, refused: true));

    private static string[] Sound =>
    [
        Argued("cmd", Quoted(4, Many("%%", 250_000))),
        Argued("cmd", Quoted(4, Many("%%ops.", 250_000))),
        Argued("cmd", Quoted(4, Many("%%ops.\"", 100_000))),
        Argued("cmd", Quoted(4, Many("%%ops.\"\\", 100_000))),
        Argued("cmd", Quoted(4, Many("%%global.job%%", 250_000))),
        Argued("cmd", $"[{Many("\"\",", Size)}\"x\"]"),
        Argued("aliases", Quoted(1, Many("a,", 250_000))[1..^1]),
        Argued("required_vram", "-0"),
    ];

    [Fact]
    public void A_definition_that_is_only_large_is_read() => Assert.All(Sound, text => Answers(text, refused: false));

    [Theory]
    [InlineData("80.0", 80)]
    [InlineData("\"80\"", 80)]
    [InlineData("8e1", 80)]
    [InlineData("\"080\"", 80)]
    public void A_port_may_be_written_in_many_ways(string port, int expected) =>
        Assert.Equal(expected, Assert.Single(Sample.Arguments($$"""{ "image": "a:1", "expose": {{port}} }""").Exposures).FirstPort);

    [Fact]
    public void Names_that_differ_only_in_how_they_are_escaped_are_one_name() =>
        Assert.Equal("$.version", Assert.Single(Sample.Errors(Sample.Json("""{ "version": "0.1", "v\u0065rsion": "0.1", "type": "container", "ops": [] }"""))).Path);

    private static void Answers(string text, bool refused)
    {
        foreach (var format in Enum.GetValues<DocumentFormat>())
        {
            var watch = Stopwatch.StartNew();
            var reading = JobDefinitionReader.Read(Encoding.UTF8.GetBytes(text), format);

            // A second on a quiet machine, more on a busy one; what this guards against takes minutes.
            Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), $"{format} took {watch.Elapsed}");
            Assert.Equal(refused, reading.Definition is null);
            Assert.All(reading.Problems, problem => Assert.True(problem.Message.Length < 3000));
        }
    }

    private static string Argued(string name, string value) => Sample.WithArguments($$"""{ "image": "a:1", "{{name}}": {{value}} }""");

    private static string Quoted(int count, string text) => $"[{string.Join(',', Enumerable.Repeat(JsonSerializer.Serialize(text, Relaxed), count))}]";

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Every operation depends on many that are nearly called like every other.</summary>
    private static string Misnamed()
    {
        var name = new string('o', 40);
        return Sample.WithOperations(string.Join(',', Enumerable.Range(0, 256).Select(i => $$"""
            { "type": "container/create-volume", "id": "{{name}}{{i}}", "args": { "name": "v" },
              "execution": { "group": "g", "depends_on": [{{string.Join(',', Enumerable.Range(0, 40).Select(j => $"\"{name}x{j}\""))}}] } }
            """)));
    }

    private static string Many(string unit, int length) => string.Concat(Enumerable.Repeat(unit, length / Encoding.UTF8.GetByteCount(unit)));
}
