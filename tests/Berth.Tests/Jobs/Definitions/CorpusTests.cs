using System.Text.RegularExpressions;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Jobs.Definitions;

public sealed partial class CorpusTests
{
    [Fact]
    public void Every_definition_that_people_post_is_accepted()
    {
        var refused = new List<string>();
        foreach (var file in RepositoryFiles.Examples.Concat(RepositoryFiles.Corpus))
        {
            var format = file.EndsWith(".json", StringComparison.Ordinal) ? DocumentFormat.Json : DocumentFormat.Yaml;
            var reading = JobDefinitionReader.Read(File.ReadAllBytes(file), format);
            refused.AddRange(Sample.Errors(reading).Select(problem => $"{file}:{problem.Position} {problem.Path} {problem.Message}"));
            Assert.Equal(reading.Definition is null, Sample.Errors(reading).Any());
        }

        Assert.Empty(refused);
    }

    [Fact]
    public void Our_own_examples_are_without_a_warning()
    {
        Assert.NotEmpty(RepositoryFiles.Examples);
        Assert.All(RepositoryFiles.Examples, file => Assert.Empty(JobDefinitionReader.Read(File.ReadAllBytes(file)).Problems));
    }

    [Fact]
    public void The_guide_for_writers_reads_as_it_was_meant()
    {
        if (RepositoryFiles.Shared is not { } shared || !File.Exists(Path.Combine(shared, "reference", "how-to-write-a-job.md")))
        {
            return;
        }

        var blocks = JsonBlock.Matches(File.ReadAllText(Path.Combine(shared, "reference", "how-to-write-a-job.md")));
        var job = Sample.Valid(Sample.Json(blocks[0].Groups[1].Value));
        var schema = Sample.Json(blocks[1].Groups[1].Value);

        Assert.Equal(["gpu-stats", "run-whisper"], job.Operations.Select(operation => operation.Id.Value));
        var problem = Assert.Single(schema.Problems);
        Assert.Contains("comma is missing", problem.Message, StringComparison.Ordinal);
        Assert.Equal("$.definitions.OperationArgsMap.properties['container/run'].properties.resources.items.properties.url", problem.Path);
    }

    [GeneratedRegex("```json\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex JsonBlock { get; }
}
