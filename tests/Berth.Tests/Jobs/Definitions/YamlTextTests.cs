using System.Text;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Jobs.Definitions;

public sealed class YamlTextTests
{
    private static DocumentReading Read(string text) => DocumentText.Read(Encoding.UTF8.GetBytes(text), DocumentFormat.Yaml);

    private static string Json(string yaml) =>
        Encoding.UTF8.GetString(JobDefinitionWriter.Write(Assert.IsType<DocumentNode>(Read(yaml).Root, exactMatch: false), indented: false));

    [Theory]
    [InlineData("a: true", """{"a":true}""")]
    [InlineData("a: [True, TRUE, false, False, FALSE]", """{"a":[true,true,false,false,false]}""")]
    [InlineData("a: [yes, no, on, off]", """{"a":["yes","no","on","off"]}""")]
    [InlineData("a: [null, ~, Null, NULL, ]", """{"a":[null,null,null,null]}""")]
    [InlineData("a:", """{"a":null}""")]
    [InlineData("a: [12, -7, +3, 007, 0o17, 0x1F]", """{"a":[12,-7,3,7,15,31]}""")]
    [InlineData("a: [1.5, .5, 1., -1e3, 1E-2]", """{"a":[1.5,0.5,1,-1e3,1E-2]}""")]
    [InlineData("a: ['1', \"true\", '~', \"\"]", """{"a":["1","true","~",""]}""")]
    [InlineData("a: [!!str 8080, !!int 8080, ! true, !!float 1]", """{"a":["8080",8080,"true",1]}""")]
    [InlineData("a: [1.2.3, 1_000, 0b1, --, 12:30]", """{"a":["1.2.3","1_000","0b1","--","12:30"]}""")]
    [InlineData("a: |\n  one\n  two\nb: >\n  one\n  two", """{"a":"one\ntwo\n","b":"one two"}""")]
    [InlineData("a: &x [1, 2]\nb: *x", """{"a":[1,2],"b":[1,2]}""")]
    [InlineData("8080: a", """{"8080":"a"}""")]
    [InlineData("--- \na: 1\n...\n", """{"a":1}""")]
    public void Scalars_mean_what_the_core_schema_says(string yaml, string json) => Assert.Equal(json, Json(yaml));

    [Theory]
    [InlineData("", "1:1", "empty")]
    [InlineData("a: 1\n---\nb: 2", "2:1", "second document")]
    [InlineData("x: &x {a: 1}\ny:\n  <<: *x", "3:3", "Merge keys")]
    [InlineData("a: !ruby/object x", "1:4", "does not go with")]
    [InlineData("a: !mine {}", "1:4", "not known here")]
    [InlineData("a: !!int text", "1:4", "does not go with")]
    [InlineData("a: .inf", "1:4", "no form in JSON")]
    [InlineData("a: *none", "1:4", "Nothing before this is named")]
    [InlineData("a: &a [*a]", "1:8", "Nothing before this is named")]
    [InlineData("a: 1\nb: 2\na: 3", "3:1", "second time; it was given first at 1:1")]
    [InlineData("? [1, 2]\n: b", "1:3", "must be a plain text")]
    [InlineData("a: [1, 2", "1:9", "no YAML")]
    [InlineData("a: \"\\ud800\"", "1:4", "surrogate")]
    [InlineData("a: \"\\0\"", "1:4", "NUL")]
    public void What_has_no_meaning_in_a_definition_is_refused_with_its_place(string yaml, string position, string explanation)
    {
        var problem = Read(yaml).Problems[0];

        Assert.Contains(explanation, problem.Message, StringComparison.Ordinal);
        Assert.Equal(position, problem.Position.ToString());
    }

    [Fact]
    public void A_small_text_cannot_become_a_huge_tree()
    {
        var laughs = new StringBuilder("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for (var i = 1; i < 30; i++)
        {
            laughs.AppendLine($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 9))}]");
        }

        Assert.Contains("too much text", Assert.Single(Read(laughs.ToString()).Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Aliases_cannot_nest_deeper_than_writing_could()
    {
        var deep = new StringBuilder("a0: &a0 [x]\n");
        for (var i = 1; i < 80; i++)
        {
            deep.AppendLine($"a{i}: &a{i} [*a{i - 1}]");
        }

        Assert.Contains("more than 64 deep", Assert.Single(Read(deep.ToString()).Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_definition_reads_the_same_in_both_notations()
    {
        const string Yaml = """
            version: "0.1"
            type: container
            ops:
              - type: container/run
                id: web
                args:
                  image: nginx:1.29
                  expose: [{port: 80, health_checks: [{type: http, path: /, method: GET, expected_status: 200}]}]
            """;
        var definition = Sample.Valid(Sample.Yaml(Yaml));
        var written = Sample.Valid(JobDefinitionReader.Read(JobDefinitionWriter.Write(definition), DocumentFormat.Json));

        Assert.Equal(80, Assert.IsType<RunContainer>(written.Operations[0]).Arguments.Exposures[0].FirstPort);
        Assert.True(Shape.Same(definition.Document, written.Document));
    }

    [Fact]
    public void A_number_where_text_belongs_says_to_quote_it()
    {
        var reading = Sample.Yaml("""
            version: 0.1
            type: container
            ops:
              - type: container/run
                id: a
                args: { image: "ubuntu:24.04", env: { PORT: 8080, API_KEY: 123456, DEBUG: true } }
            """);

        Assert.Equal(
            [
                ("$.version", "1:10", "Here must be a text, but a number stands here; write it in quotes: \"0.1\"."),
                ("$.ops[0].args.env.PORT", "6:49", "Here must be a text, but a number stands here; write it in quotes: \"8080\"."),
                ("$.ops[0].args.env.API_KEY", "6:64", "Here must be a text, but a number stands here; write it in quotes."),
                ("$.ops[0].args.env.DEBUG", "6:79", "Here must be a text, but true or false stands here; write it in quotes: \"true\"."),
            ],
            Sample.Errors(reading).Select(problem => (problem.Path, problem.Position.ToString(), problem.Message)));
    }
}
