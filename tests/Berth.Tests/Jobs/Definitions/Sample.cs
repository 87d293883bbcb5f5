using System.Text;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Jobs.Definitions;

/// <summary>Short ways to read a text, and the texts that several tests read.</summary>
internal static class Sample
{
    /// <summary>Two operations and a comment, as the guide for writers shows them.</summary>
    public const string TwoOperations = """
        {
          "version": "0.1",
          "type": "container",
          "meta": { "trigger": "cli" },
          "ops": [
            {
              "type": "container/run",
              "id": "gpu-stats",
              "args": {
                "cmd": ["sh -c ", "nvidia-smi; head -1 /proc/cpuinfo;"],
                "image": "ubuntu",
                "env": { "DEBUG": "1" },
                "gpu": true
              }
            },
            {
              "type": "container/run",
              "id": "transcribe",
              "args": {
                "cmd": [
                  "sh -c ",
                  "wget -q https://example.org/a.mp3 -O audio.mp3;",
                  "python transcribe.py -p audio.mp3;"
                  // and so on
                ],
                "image": "docker.io/example/whisper:cuda-check",
                "gpu": true
              }
            }
          ]
        }
        """;

    public static Reading Json(string text) => JobDefinitionReader.Read(Encoding.UTF8.GetBytes(text), DocumentFormat.Json);

    public static Reading Yaml(string text) => JobDefinitionReader.Read(Encoding.UTF8.GetBytes(text), DocumentFormat.Yaml);

    /// <summary>A document of one operation with these arguments; they begin at line 2.</summary>
    public static string WithArguments(string arguments) => $$"""
        { "version": "0.1", "type": "container", "ops": [{ "type": "container/run", "id": "a", "args":
        {{arguments}}
        }] }
        """;

    /// <summary>A document with these operations, which begin at line 2.</summary>
    public static string WithOperations(string operations) => $$"""
        { "version": "0.1", "type": "container", "ops": [
        {{operations}}
        ] }
        """;

    /// <summary>The arguments of the one operation of a document that must be valid.</summary>
    public static ContainerArguments Arguments(string arguments) =>
        Assert.IsType<RunContainer>(Assert.Single(Valid(Json(WithArguments(arguments))).Operations)).Arguments;

    public static JobDefinition Valid(Reading reading)
    {
        Assert.DoesNotContain(reading.Problems, problem => problem.Severity is Severity.Error);
        return Assert.IsType<JobDefinition>(reading.Definition);
    }

    public static IEnumerable<Problem> Errors(Reading reading) => reading.Problems.Where(problem => problem.Severity is Severity.Error);

    public static IEnumerable<Problem> Warnings(Reading reading) => reading.Problems.Where(problem => problem.Severity is Severity.Warning);
}
