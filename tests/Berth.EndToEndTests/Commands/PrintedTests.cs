using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Commands;

/// <summary>What commands print for people and for programs, to the letter.</summary>
public sealed class PrintedTests
{
    private const string Broken = """
        {
          "version": "0.1",
          "type": "container",
          "ops": [
            { "type": "container/run", "id": "a", "args": { "imag": "x", "cmd": 7 } },
            { "type": "container/stroll", "id": "a", "args": {} },
            { "type": "container/run", "id": "b", "args": { "image": "x", "cmd": "y" }, "execution": { "depends_on": ["nobody"] } }
          ]
        }
        """;

    [Theory]
    [InlineData("berth")]
    [InlineData("run")]
    [InlineData("validate")]
    [InlineData("plan")]
    [InlineData("schema")]
    [InlineData("prune")]
    [InlineData("resource")]
    [InlineData("resource pull")]
    [InlineData("job")]
    [InlineData("job post")]
    [InlineData("job list")]
    [InlineData("job logs")]
    [InlineData("job download")]
    [InlineData("job serve")]
    [InlineData("secret")]
    [InlineData("secret set")]
    [InlineData("market create")]
    [InlineData("account grant")]
    [InlineData("node")]
    [InlineData("node start")]
    [InlineData("demo")]
    [InlineData("key")]
    [InlineData("key new")]
    [InlineData("key show")]
    [InlineData("key import")]
    [InlineData("address")]
    public async Task Help_tells_what_a_command_takes(string command)
    {
        await using var desk = new Desk();

        var said = (await desk.BerthAsync(command == "berth" ? ["--help"] : [.. command.Split(' '), "--help"])).Exited(0);

        Golden.Is($"help-{command.Replace(' ', '-')}", said.Output);
        Assert.Empty(said.Error);
    }

    [Theory]
    [InlineData("text", "pipeline")]
    [InlineData("text", "service")]
    [InlineData("json", "pipeline")]
    [InlineData("json", "service")]
    public async Task A_plan_shows_what_a_run_would_do(string format, string example)
    {
        await using var desk = new Desk();

        var said = (await desk.BerthAsync("plan", Checkout.Example(example), "--format", format)).Exited(0);

        Golden.Is($"plan-{example}-{format}", said.Output);
    }

    [Fact]
    public async Task A_plan_never_shows_the_values_of_the_environment()
    {
        await using var desk = new Desk();
        desk.Write("job.json", Definition.Of("true", """{"env":{"TOKEN":"hush"}}""").ToString());

        var said = (await desk.BerthAsync("plan", "job.json")).Exited(0);

        Assert.Contains("TOKEN", said.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", said.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text")]
    [InlineData("json")]
    public async Task Everything_that_is_wrong_with_a_definition_is_told_at_once(string format)
    {
        await using var desk = new Desk();
        desk.Write("broken.json", Broken);

        var said = (await desk.BerthAsync("validate", "broken.json", "--format", format)).Exited(2);

        Golden.Is($"validate-broken-{format}", $"{said.Error}{said.Output}");
    }

    [Theory]
    [InlineData("text", "examples are valid")]
    [InlineData("json", "\"valid\": true")]
    public async Task A_valid_definition_is_called_so(string format, string words)
    {
        await using var desk = new Desk();
        var name = desk.Write("examples are valid", Definition.Of("true").ToString());

        var said = (await desk.BerthAsync("validate", name, "--format", format)).Exited(0);

        Assert.Contains(words, said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schema_is_the_one_in_the_sources()
    {
        await using var desk = new Desk();

        var said = (await desk.BerthAsync("schema")).Exited(0);

        Assert.Equal(File.ReadAllText(Path.Combine(Checkout.Root, "src", "Berth.Jobs", "Definitions", "job-definition.schema.json")).TrimEnd(), said.Output.TrimEnd());
    }

    [Theory]
    [InlineData("frobnicate")]
    [InlineData("run")]
    [InlineData("run", "x.json", "--frobnicate")]
    [InlineData("run", "x.json", "--pull", "sometimes")]
    [InlineData("run", "x.json", "--timeout", "soon")]
    [InlineData("run", "x.json", "--gpu", "many")]
    [InlineData("run", "x.json", "--gpu", "1", "--no-gpu")]
    [InlineData("validate", "x.json", "--format", "xml")]
    [InlineData("key")]
    [InlineData("key", "import")]
    public async Task Wrong_use_is_a_sentence_and_a_way_to_help(params string[] arguments)
    {
        await using var desk = new Desk();

        var said = (await desk.BerthAsync(arguments)).Exited(2);

        Golden.Is($"wrong-{string.Join('-', arguments.Select(word => word.TrimStart('-').Replace(".json", "", StringComparison.Ordinal)))}", said.Error);
    }

    [Fact]
    public async Task The_version_is_one_line()
    {
        await using var desk = new Desk();

        var said = (await desk.BerthAsync("--version")).Exited(0);

        Assert.Matches(@"^0\.1\.0\S*$", Assert.Single(said.Lines));
    }
}
