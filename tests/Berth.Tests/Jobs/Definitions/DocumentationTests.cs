using System.Text.RegularExpressions;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Jobs.Definitions;

/// <summary>The page for writers keeps its word: each of its examples is read, a fragment inside the smallest document that holds it.</summary>
public sealed partial class DocumentationTests
{
    private static string Page => File.ReadAllText(Path.Combine(RepositoryFiles.Root, "docs", "job-definition.md"));

    [Fact]
    public void Every_example_is_valid()
    {
        var examples = Fence.Matches(Page);

        Assert.True(examples.Count >= 15);
        Assert.All(examples, example =>
        {
            var text = example.Groups["text"].Value;
            var reading = example.Groups["kind"].Value.Trim() switch
            {
                "yaml" => Sample.Yaml(text),
                "json args" => Sample.Json(Sample.WithArguments($"{{ \"image\": \"ubuntu:24.04\",\n{text}\n}}")),
                "json op" => Sample.Json(Sample.WithOperations($"{{ \"type\": \"container/run\", \"id\": \"a\", \"args\": {{ \"image\": \"ubuntu:24.04\" }},\n{text}\n}}")),
                "json top" => Sample.Json($"{{ \"version\": \"0.1\", \"type\": \"container\", \"ops\": [],\n{text}\n}}"),
                "json" => Sample.Json(text),
                var kind => throw new InvalidOperationException($"The page has a fence of the kind '{kind}'."),
            };
            Assert.True(reading.Definition is not null, $"{text}\n{string.Join('\n', reading.Problems)}");
        });
    }

    [Fact]
    public void Every_member_of_the_language_is_on_the_page()
    {
        var page = Page;

        Assert.All(
            LanguageMembers.All.Values.SelectMany(members => members).Distinct(),
            member => Assert.Contains($"`{member}`", page, StringComparison.Ordinal));
    }

    [GeneratedRegex("```(?<kind>json[a-z ]*|yaml)\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Fence { get; }
}
