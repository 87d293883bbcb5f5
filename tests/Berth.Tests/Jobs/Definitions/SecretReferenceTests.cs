using System.Collections.Immutable;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Placeholders;
using Xunit;
using Literals = Berth.Jobs.Placeholders.Placeholders;

namespace Berth.Tests.Jobs.Definitions;

/// <summary><c>{ "secret": "NAME" }</c>: where it may stand, and what becomes of it.</summary>
public sealed class SecretReferenceTests
{
    private const string Everywhere = """
        { "version": "0.1", "type": "container",
          "global": { "env": { "SHARED": { "secret": "A" } } },
          "ops": [{ "type": "container/run", "id": "a", "args": { "image": "x:1",
            "env": { "OWN": { "secret": "B" }, "OPEN": "text" },
            "authentication": { "docker": { "username": "me", "password": { "secret": "C" } } },
            "resources": [
              { "type": "S3", "url": "https://x", "target": "/a", "IAM": { "REGION": "r", "ACCESS_KEY_ID": { "secret": "D" }, "SECRET_ACCESS_KEY": { "secret": "E" } } },
              { "type": "HF", "repo": "o/n", "target": "/b", "accessToken": { "secret": "F" } }] } }] }
        """;

    [Fact]
    public void Secrets_are_named_in_variables_logins_and_credentials()
    {
        var reading = Sample.Json(Everywhere);

        Assert.Empty(reading.Problems);
        Assert.Equal(
            [
                ("A", "$.ops[0].args.env.SHARED"), ("B", "$.ops[0].args.env.OWN"), ("C", "$.ops[0].args.authentication.docker.password"),
                ("D", "$.ops[0].args.resources[0].IAM.ACCESS_KEY_ID"), ("E", "$.ops[0].args.resources[0].IAM.SECRET_ACCESS_KEY"), ("F", "$.ops[0].args.resources[1].accessToken"),
            ],
            SecretReferences.In(reading.Definition!).Select(reference => (reference.Name, reference.Path)));
        Assert.Equal(4, SecretReferences.In(reading.Definition!)[1].Position.Line);
    }

    [Fact]
    public void They_are_named_in_YAML_too()
    {
        var reading = Sample.Yaml("""
            version: "0.1"
            type: container
            ops:
              - type: container/run
                id: a
                args: { image: "x:1", env: { TOKEN: { secret: HF_TOKEN } } }
            """);

        Assert.Equal("HF_TOKEN", Assert.Single(SecretReferences.In(reading.Definition!)).Name);
    }

    [Theory]
    [InlineData("""{ "image": "x:1", "env": { "A": { "secret": "not a name" } } }""", "$.ops[0].args.env.A.secret")]
    [InlineData("""{ "image": "x:1", "env": { "A": { "secret": "" } } }""", "$.ops[0].args.env.A.secret")]
    [InlineData("""{ "image": "x:1", "env": { "A": { "secret": 1 } } }""", "$.ops[0].args.env.A.secret")]
    [InlineData("""{ "image": "x:1", "env": { "A": {} } }""", "$.ops[0].args.env.A.secret")]
    [InlineData("""{ "image": "x:1", "env": { "A": { "secrets": "B" } } }""", "$.ops[0].args.env.A.secrets")]
    [InlineData("""{ "image": "x:1", "env": { "A": { "secret": "B", "or": "C" } } }""", "$.ops[0].args.env.A.or")]
    [InlineData("""{ "image": { "secret": "B" } }""", "$.ops[0].args.image")]
    [InlineData("""{ "image": "x:1", "cmd": [{ "secret": "B" }] }""", "$.ops[0].args.cmd[0]")]
    [InlineData("""{ "image": "x:1", "work_dir": { "secret": "B" } }""", "$.ops[0].args.work_dir")]
    public void Elsewhere_and_in_another_form_they_are_refused_with_the_place(string arguments, string path) =>
        Assert.Contains(Sample.Json(Sample.WithArguments(arguments)).Problems, problem => problem.Severity == Severity.Error && problem.Path == path);

    [Fact]
    public void A_definition_names_so_many_secrets_and_no_more()
    {
        Assert.Empty(Sample.Json(Naming(64)).Problems.Where(problem => problem.Severity == Severity.Error));

        var problem = Assert.Single(Sample.Json(Naming(65)).Problems, problem => problem.Severity == Severity.Error);
        Assert.Equal("$.ops[0].args.env.V64", problem.Path);

        static string Naming(int many) => Sample.WithArguments($$"""
            { "image": "x:1", "env": { "AGAIN": { "secret": "S0" }, {{string.Join(", ", Enumerable.Range(0, many).Select(number => $"\"V{number}\": {{ \"secret\": \"S{number}\" }}"))}} } }
            """);
    }

    [Fact]
    public void A_value_is_put_in_as_it_is_and_never_read_as_anything_else()
    {
        var filled = Fill(
            """{ "image": "x:1", "env": { "A": { "secret": "A" }, "B": { "secret": "B" }, "C": "%%global.job%%" } }""",
            new() { ["A"] = "%%global.job%%", ["B"] = "[1, {\"__spread__\": 2}] __remove-if-empty__" });

        Assert.Equal("%%global.job%%", filled["A"]);
        Assert.Equal("[1, {\"__spread__\": 2}] __remove-if-empty__", filled["B"]);
        Assert.Equal("JOB", filled["C"]);
    }

    [Fact]
    public void What_a_placeholder_brings_in_names_no_secret()
    {
        var filled = Fill(
            """{ "image": "x:1", "env": { "A": { "secret": "A" }, "__spread__": "{\"B\": {\"secret\": \"A\"}}" } }""",
            new() { ["A"] = "hidden" });

        Assert.Equal("hidden", filled["A"]);
        Assert.Equal("{\"secret\":\"A\"}", filled["B"]);
    }

    [Fact]
    public void One_that_has_no_value_is_told_by_its_place()
    {
        var operation = Operation("""{ "image": "x:1", "env": { "A": { "secret": "NONE" } } }""");

        var problem = Assert.Single(Literals.Fill(operation.Template, Values([]), operation.Id, "$.ops[0].args").Problems);

        Assert.Equal("$.ops[0].args.env.A", problem.Path);
        Assert.Contains("NONE", problem.Message, StringComparison.Ordinal);
    }

    private static RunContainer Operation(string arguments) => (RunContainer)Sample.Json(Sample.WithArguments(arguments)).Definition!.Operations[0];

    private static Dictionary<string, string> Fill(string arguments, Dictionary<string, string> secrets)
    {
        var operation = Operation(arguments);
        Assert.True(operation.HasPlaceholders);
        var filling = Literals.Fill(operation.Template, Values(secrets), operation.Id, "$.ops[0].args");
        return JobDefinitionReader.ReadArguments(filling.Arguments!, "$.ops[0].args").Arguments!.Env.ToDictionary();
    }

    private static PlaceholderValues Values(Dictionary<string, string> secrets) => new()
    {
        Job = new JobId("JOB"),
        Host = "H",
        Project = "P",
        IngressDomain = "d",
        Version = "1",
        Secrets = secrets.ToImmutableDictionary(),
    };
}
