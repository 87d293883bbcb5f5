using System.Text;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Jobs.Definitions;

public sealed class JobDefinitionReaderTests
{
    [Fact]
    public void The_smallest_job_is_read()
    {
        var job = Sample.Valid(Sample.Json("""{ "version": "0.1", "type": "container", "ops": [] }"""));

        Assert.Equal("0.1", job.Version);
        Assert.Empty(job.Operations);
    }

    [Fact]
    public void Every_problem_is_told_at_once_with_path_and_place()
    {
        var reading = Sample.Json("""
            {
              "type": "containr",
              "ops": [
                { "type": "container/run", "id": "a b", "args": { "image": "Ubuntu", "gpus": true } },
                { "type": "container/stop", "id": "b", "args": {} },
                { "id": "b", "args": { "name": "x" } },
                7
              ]
            }
            """);

        Assert.Null(reading.Definition);
        Assert.Equal(
            [
                ("$.version", "1:1", null),
                ("$.type", "2:11", "container"),
                ("$.ops[0].id", "4:38", "a-b"),
                ("$.ops[0].args.image", "4:64", "ubuntu"),
                ("$.ops[0].args.gpus", "4:74", "gpu"),
                ("$.ops[1].type", "5:15", "container/run"),
                ("$.ops[2].type", "6:5", null),
                ("$.ops[3]", "7:5", null),
            ],
            Sample.Errors(reading).Select(problem => (problem.Path, problem.Position.ToString(), problem.Suggestion)));
    }

    [Theory]
    [InlineData("[]", "$", "an object")]
    [InlineData("""{ "version": 0.1, "type": "container", "ops": [] }""", "$.version", "write it in quotes: \"0.1\"")]
    [InlineData("""{ "version": "0.1", "type": "container" }""", "$.ops", "'ops' is missing")]
    [InlineData("""{ "version": "0.1", "type": "container", "ops": {} }""", "$.ops", "a list")]
    [InlineData("""{ "version": "0.1", "type": "container", "ops": [], "globals": {} }""", "$.globals", "did you mean 'global'")]
    [InlineData("""{ "version": "0.1", "type": "container", "ops": [], "x y": {} }""", "$['x y']", "not known")]
    [InlineData("""{ "version": "0.1", "type": "container", "ops": [], "meta": { "trigger": 1 } }""", "$.meta.trigger", "a text")]
    [InlineData("""{ "version": "0.1", "type": "container", "ops": [], "global": { "gpu": "true" } }""", "$.global.gpu", "true, without quotes")]
    [InlineData("""{ "version": "0.1", "type": "container", "ops": [], "global": { "env": { "A": 1 } } }""", "$.global.env.A", "in quotes")]
    [InlineData("""{ "version": "0.1", "type": "container", "ops": [], "global": { "env": { "__spread__": "{}" } } }""", "$.global.env.__spread__", "Markers")]
    [InlineData("""{ "version": "0.1", "type": "container", "ops": [], "logistics": { "send": { "type": "mail" } } }""", "$.logistics.send.type", "one of api")]
    [InlineData("""{ "version": "0.1", "type": "container", "ops": [], "ssh": { "public_keys": [1] } }""", "$.ssh.public_keys[0]", "a text")]
    public void What_is_wrong_at_the_top_is_refused(string text, string path, string message)
    {
        var problem = Assert.Single(Sample.Errors(Sample.Json(text)));

        Assert.Equal(path, problem.Path);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Members_of_other_generations_are_kept_and_said_to_be_idle()
    {
        var reading = Sample.Json("""
            {
              "$schema": "https://example.org/s.json", "version": "0.2", "type": "container", "ops": [],
              "deployment_id": "d", "ssh": { "public_keys": ["ssh-ed25519 AAAA"] },
              "logistics": { "send": { "type": "api", "args": { "endpoint": "https://example.org" } }, "receive": { "type": "api-listen" } },
              "meta": { "trigger": "cli", "anything": [1, null], "system_resources": { "required_vram": 8 } }
            }
            """);
        var job = Sample.Valid(reading);

        Assert.Equal(new LogisticsLeg("api", "https://example.org"), job.Logistics?.Send);
        Assert.Equal("d", job.DeploymentId);
        Assert.Equal(["ssh-ed25519 AAAA"], job.SshPublicKeys);
        Assert.Equal("cli", job.Meta.Trigger);
        Assert.NotNull(job.Meta.SystemRequirements?["required_vram"]);
        Assert.Equal(["$.version", "$.deployment_id", "$.ssh", "$.logistics"], Sample.Warnings(reading).Select(problem => problem.Path));
    }

    [Fact]
    public void Global_defaults_are_merged_below_the_operations_own()
    {
        var job = Sample.Valid(Sample.Json("""
            {
              "version": "0.1", "type": "container",
              "global": {
                "image": "base:1", "gpu": true, "entrypoint": ["sh"], "work_dir": "/w",
                "env": { "A": "global", "B": "global" }, "variables": { "V": "x" }
              },
              "ops": [
                { "type": "container/run", "id": "plain", "args": { "cmd": "%%global.variables.V%%" } },
                { "type": "container/run", "id": "own", "args": {
                  "image": "own:1", "gpu": false, "entrypoint": "bash", "work_dir": "/own", "env": { "B": "own", "C": "own" } } },
                { "type": "container/run", "id": "empty", "args": { "image": "own:1", "entrypoint": "", "work_dir": "" } }
              ]
            }
            """));
        var (plain, own, empty) = ((RunContainer)job.Operations[0], (RunContainer)job.Operations[1], (RunContainer)job.Operations[2]);

        Assert.Equal("base:1", plain.Arguments.Image);
        Assert.True(plain.Arguments.Gpu);
        Assert.True(plain.HasPlaceholders);
        Assert.NotNull(plain.Template["env"]);
        Assert.Equal("own:1", own.Arguments.Image);
        Assert.False(own.Arguments.Gpu);
        Assert.Equal(["bash"], own.Arguments.Entrypoint!.Value);
        Assert.Equal("/own", own.Arguments.WorkDir);
        Assert.Equal([new("A", "global"), new("B", "own"), new("C", "own")], own.Arguments.Env);
        Assert.False(own.HasPlaceholders);
        Assert.Equal(["sh"], empty.Arguments.Entrypoint!.Value);
        Assert.Equal("/w", empty.Arguments.WorkDir);
    }

    [Fact]
    public void A_placeholder_among_the_global_defaults_waits_in_every_operation()
    {
        var job = Sample.Valid(Sample.Json("""
            {
              "version": "0.1", "type": "container", "global": { "env": { "JOB": "%%global.job%%" } },
              "ops": [{ "type": "container/run", "id": "a", "args": { "image": "a:1" } }]
            }
            """));

        Assert.True(Assert.IsType<RunContainer>(Assert.Single(job.Operations)).HasPlaceholders);
    }

    [Fact]
    public void Operations_of_either_kind_carry_execution_and_results()
    {
        var job = Sample.Valid(Sample.Json(Sample.WithOperations("""
            { "type": "container/create-volume", "id": "v", "args": { "name": "data" } },
            { "type": "container/run", "id": "a", "args": { "image": "a:1" }, "execution": { "group": "g", "timeout": 90 },
              "results": { "all": "x", "some": { "regex": "y", "logType": ["stdout", "nodeerr"] } } },
            { "type": "container/run", "id": "b", "args": { "image": "a:1" },
              "execution": { "group": "g", "depends_on": ["a"], "stop_if_dependent_stops": true, "timeout": -1 } }
            """)));

        Assert.Equal("data", Assert.IsType<CreateVolume>(job.Operations[0]).Name);
        Assert.Equal(TimeSpan.FromSeconds(90), job.Operations[1].Execution.Timeout);
        Assert.True(job.Operations[1].Results[0].Covers(LogStream.Stdin));
        Assert.Equal([LogStream.Stdout, LogStream.Node], job.Operations[1].Results[1].Streams);
        Assert.Equal([new OperationId("a")], job.Operations[2].Execution.DependsOn);
        Assert.True(job.Operations[2].Execution.StopIfDependentStops);
        Assert.Null(job.Operations[2].Execution.Timeout);
        Assert.Equal(2, job.Operations[2].Index);
    }

    [Theory]
    [InlineData("\"id\": \"\"", "$.ops[0].id", "empty")]
    [InlineData("\"id\": \"a\", \"executon\": {}", "$.ops[0].executon", "did you mean 'execution'")]
    [InlineData("\"id\": \"a\", \"results\": { \"k\": 1 }", "$.ops[0].results.k", "a pattern")]
    [InlineData("\"id\": \"a\", \"results\": { \"k\": {} }", "$.ops[0].results.k.regex", "missing")]
    [InlineData("\"id\": \"a\", \"results\": { \"k\": { \"regex\": \"x\", \"logType\": [] } }", "$.ops[0].results.k.logType", "empty")]
    [InlineData("\"id\": \"a\", \"results\": { \"k\": { \"regex\": \"x\", \"logType\": [\"stdot\"] } }", "$.ops[0].results.k.logType[0]", "did you mean 'stdout'")]
    [InlineData("\"id\": \"a\", \"execution\": { \"timeout\": \"5\" }", "$.ops[0].execution.timeout", "a number")]
    [InlineData("\"id\": \"a\", \"execution\": { \"timeout\": 1e12 }", "$.ops[0].execution.timeout", "ten years")]
    [InlineData("\"id\": \"a\", \"execution\": { \"depends_on\": \"b\" }", "$.ops[0].execution.depends_on", "a list")]
    [InlineData("\"id\": \"a\", \"execution\": { \"depends_on\": [\"a\"] }", "$.ops[0].execution.depends_on[0]", "on itself")]
    public void What_is_wrong_in_an_operation_is_refused(string members, string path, string message)
    {
        var reading = Sample.Json(Sample.WithOperations($$"""{ "type": "container/run", "args": { "image": "a:1" }, {{members}} }"""));
        var problem = Assert.Single(Sample.Errors(reading));

        Assert.Equal(path, problem.Path);
        Assert.Equal(2, problem.Position.Line);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a", "", "a", "", "$.ops[1].id", "$.ops[0]")]
    [InlineData("prepare", "", "b", "\"depends_on\": [\"prepar\"]", "$.ops[1].execution.depends_on[0]", "did you mean 'prepare'")]
    [InlineData("a", "\"group\": \"one\"", "b", "\"group\": \"two\", \"depends_on\": [\"a\"]", "$.ops[1].execution.depends_on[0]", "give both the group 'one'")]
    [InlineData("a", "\"depends_on\": [\"b\"]", "b", "", "$.ops[0].execution.depends_on[0]", "comes later")]
    [InlineData("a", "\"group\": \"g\", \"depends_on\": [\"b\"]", "b", "\"group\": \"g\", \"depends_on\": [\"a\"]", "$.ops[0].execution.depends_on", "→")]
    public void A_plan_that_cannot_be_is_refused(string first, string firstExecution, string second, string secondExecution, string path, string message)
    {
        var problem = Assert.Single(Sample.Errors(Sample.Json(TwoOperations(first, firstExecution, second, secondExecution))));

        Assert.Equal(path, problem.Path);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "\"depends_on\": [\"a\"]")]
    [InlineData("\"group\": \"g\", \"depends_on\": [\"b\"]", "\"group\": \"g\"")]
    [InlineData("\"group\": \"g\", \"depends_on\": [\"b\"], \"stop_if_dependent_stops\": true", "\"group\": \"g\", \"depends_on\": [\"a\"]")]
    public void A_plan_that_comes_to_pass_is_accepted(string first, string second) => Sample.Valid(Sample.Json(TwoOperations("a", first, "b", second)));

    [Fact]
    public void The_number_of_operations_is_bounded()
    {
        var operations = string.Join(",", Enumerable.Range(0, 300).Select(i => $$"""{ "type": "container/create-volume", "id": "v{{i}}", "args": { "name": "v" } }"""));

        Assert.Contains("at most 256", Assert.Single(Sample.Errors(Sample.Json(Sample.WithOperations(operations)))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("volumes", "{ \"name\": \"v\", \"dest\": \"/d{0}\" }", 20_000)]
    [InlineData("expose", "{0}", 65_000)]
    [InlineData("cmd", "\"%%ops.x{0}.host%%\"", 30_000)]
    public void A_list_of_absurd_length_is_answered_at_once_in_both_notations(string name, string element, int count)
    {
        var elements = string.Join(",", Enumerable.Range(1, count).Select(i => element.Replace("{0}", $"{i}", StringComparison.Ordinal)));
        var text = Sample.WithArguments($$"""{ "image": "a:1", "{{name}}": [{{elements}}] }""");
        var watch = System.Diagnostics.Stopwatch.StartNew();

        Assert.NotEmpty(Sample.Errors(Sample.Json(text)));
        Assert.NotEmpty(Sample.Errors(Sample.Yaml(text)));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void Credentials_are_never_shown()
    {
        var reading = Sample.Json(Sample.WithArguments("""
            {
              "image": "a:1",
              "env": { "HF_TOKEN": 31337001, "PORT": 31337002 },
              "authentication": { "docker": { "password": 31337003 } },
              "resources": [
                { "type": "HF", "repo": "a/b", "target": "/a", "accessToken": 31337004 },
                { "type": "S3", "url": "https://x", "target": "/b", "IAM": { "REGION": 31337005, "ACCESS_KEY_ID": 31337006, "SECRET_ACCESS_KEY": 31337007 } }
              ]
            }
            """));
        var shown = string.Join('\n', reading.Problems);

        Assert.Equal(7, reading.Problems.Length);
        Assert.Equal(6, reading.Problems.Count(problem => problem.Found == "•••"));
        Assert.Contains("31337002", shown, StringComparison.Ordinal);
        Assert.All([1, 3, 4, 5, 6, 7], secret => Assert.DoesNotContain($"3133700{secret}", shown, StringComparison.Ordinal));
    }

    [Fact]
    public void A_pattern_that_would_exhaust_the_reader_is_only_a_warning()
    {
        var nested = new string('(', 2000) + new string(')', 2000);

        Sample.Valid(Sample.Json(Sample.WithOperations($$"""{ "type": "container/run", "id": "a", "args": { "image": "a:1" }, "results": { "k": "{{nested}}", "l": "(" } }""")));
    }

    [Fact]
    public void What_is_probably_not_meant_is_told()
    {
        var reading = Sample.Json("""
            {
              "version": "0.1", "type": "container", "global": { "variables": { "UNUSED": "x" } },
              "ops": [
                { "type": "container/run", "id": "under_score", "args": { "image": "ubuntu", "cmd": ["/bin/sh", "-c", "a;", "b;"] }, "results": { "k": "(" } },
                { "type": "container/run", "id": "b", "args": {
                  "image": "ubuntu", "private": true, "required_vram": 8, "trusted_execution_env": "SEV-SNP",
                  "volumes": [{ "name": "none", "dest": "/v" }] },
                  "execution": { "stop_if_dependent_stops": true } },
                { "type": "container/run", "id": "B", "args": { "image": "ubuntu:latest", "expose": { "port": 80, "health_checks": [
                  { "type": "websocket", "expected_response": "x", "restart_on_failure": true }] } } }
              ]
            }
            """);

        Sample.Valid(reading);
        Assert.Equal(
            [
                "$.global.variables.UNUSED", "$.ops[0].id", "$.ops[0].args.image", "$.ops[0].args.cmd", "$.ops[0].results.k",
                "$.ops[1].args.private", "$.ops[1].args.required_vram", "$.ops[1].args.trusted_execution_env", "$.ops[1].args.volumes[0].name",
                "$.ops[1].execution.stop_if_dependent_stops", "$.ops[2].id", "$.ops[2].args.image", "$.ops[2].args.expose.health_checks[0].restart_on_failure",
            ],
            reading.Problems.Select(problem => problem.Path));
    }

    [Theory]
    [InlineData("%%ops.first.host%%", null)]
    [InlineData("%%ops.first.results.key%%", null)]
    [InlineData("%%ops.\"first\".results.key%%", null)]
    [InlineData("%%ops.first.endpoint.8080%%", null)]
    [InlineData("%%ops.first.endpoint.9005%%", null)]
    [InlineData("%%globals.variables.MODEL%% and %%global.job%%", null)]
    [InlineData("100%% sure", null)]
    [InlineData("%%ops.frist.host%%", "did you mean 'first'")]
    [InlineData("%%ops.first.hots%%", "did you mean 'host'")]
    [InlineData("%%ops.first.results.kay%%", "did you mean 'key'")]
    [InlineData("%%ops.first.endpoint.80%%", "only 8080, 9000-9009")]
    [InlineData("%%ops.first.deployment_endpoint%%", "no deployment_id")]
    [InlineData("%%global.jop%%", "did you mean 'job'")]
    [InlineData("%%global.variables.MODLE%%", "did you mean 'MODEL'")]
    [InlineData("%%ops.second.results.key%%", "the operation itself")]
    [InlineData("%%ops.third.results.key%%", "runs later")]
    public void A_placeholder_that_nothing_can_ever_fill_is_refused(string text, string? message)
    {
        var reading = Sample.Json($$"""
            { "version": "0.1", "type": "container", "global": { "variables": { "MODEL": "x" } }, "ops": [
              { "type": "container/run", "id": "first", "args": { "image": "a:1", "expose": [8080, "9000-9009"], "cmd": "%%global.variables.MODEL%%" }, "results": { "key": "x" } },
              { "type": "container/run", "id": "second", "args": { "image": "a:1", "env": { "A": {{System.Text.Json.JsonSerializer.Serialize(text)}} } }, "results": { "key": "x" } },
              { "type": "container/run", "id": "third", "args": { "image": "a:1" }, "results": { "key": "x" } }
            ] }
            """);

        Assert.Equal(message is null ? [] : ["$.ops[1].args.env.A"], reading.Problems.Select(problem => problem.Path));
        Assert.All(reading.Problems, problem => Assert.Contains(message!, problem.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("%%ops.x.y.host%%", null)]
    [InlineData("%%ops.\"x.y\".results.k%%", null)]
    [InlineData("%%ops.x.y.results.k.more%%", "takes no result 'k.more'")]
    [InlineData("%%ops.my op.host%%", "no operation 'my op'")]
    [InlineData("%%ops.x.results.results.k%%", "more than one operation")]
    [InlineData("%%ops.v.container_ip%%", "runs no container")]
    [InlineData("%%global.variables.EMPTY%%", "is empty")]
    [InlineData("%%ops.x%%", null)]
    public void What_is_found_when_filling_is_what_is_checked(string text, string? message)
    {
        var reading = Sample.Json($$"""
            { "version": "0.1", "type": "container", "global": { "variables": { "EMPTY": "" } }, "ops": [
              { "type": "container/create-volume", "id": "v", "args": { "name": "v" } },
              { "type": "container/run", "id": "x", "args": { "image": "a:1", "cmd": "%%global.variables.EMPTY%%" }, "results": { "results.k": "x" } },
              { "type": "container/run", "id": "x.results", "args": { "image": "a:1" }, "results": { "k": "x" } },
              { "type": "container/run", "id": "x.y", "args": { "image": "a:1" }, "results": { "k": "x" } },
              { "type": "container/run", "id": "last", "args": { "image": "a:1", "env": { "A": {{System.Text.Json.JsonSerializer.Serialize(text)}} } } }
            ] }
            """);
        var errors = Sample.Errors(reading).Where(problem => problem.Path == "$.ops[4].args.env.A").ToList();

        Assert.Equal(message is null ? 0 : 1, errors.Count);
        Assert.All(errors, problem => Assert.Contains(message!, problem.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(""" "g" """, """ "g", "depends_on": ["a"] """, 0)]
    [InlineData(""" "g" """, """ "g" """, 1)]
    [InlineData(""" "g" """, """ "g", "depends_on": ["a"], "stop_if_dependent_stops": true """, 1)]
    [InlineData(""" "g" """, """ "h" """, 0)]
    public void An_address_is_known_to_what_starts_later(string first, string second, int warnings)
    {
        var reading = Sample.Json(Sample.WithOperations($$"""
            { "type": "container/run", "id": "a", "args": { "image": "a:1" }, "execution": { "group": {{first}} } },
            { "type": "container/run", "id": "b", "args": { "image": "a:1", "cmd": "%%ops.a.container_ip%%" }, "execution": { "group": {{second}} } }
            """));

        Assert.Equal(warnings, reading.Problems.Length);
        Assert.All(reading.Problems, problem => Assert.Contains("may not be filled in time", problem.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""["sh", "-c"]""", """["a; b"]""", null)]
    [InlineData("""["sh", "-c"]""", """["a $1", "b"]""", null)]
    [InlineData("""["sh", "-c"]""", """["a;", "b;"]""", "only the first text is run")]
    [InlineData("""["/bin/bash", "-euxc"]""", """["a;", "b;"]""", "only the first text is run")]
    [InlineData("""["sh", "-c"]""", """["sh -c ", "a;", "b;"]""", "'sh -c' would be all that runs")]
    [InlineData("""["sh", "-c"]""", "\"a; b\"", "write cmd as a list")]
    [InlineData("\"sh\"", """["-c", "a;", "b;"]""", "after '-c'")]
    [InlineData("""["tini", "--"]""", """["sh -c ", "a;", "b;"]""", null)]
    [InlineData("""["tool", "-exec"]""", """["a", "b"]""", null)]
    public void A_shell_that_would_run_less_than_is_written_is_told(string entrypoint, string command, string? message)
    {
        var reading = Sample.Json(Sample.WithArguments($$"""{ "image": "a:1", "entrypoint": {{entrypoint}}, "cmd": {{command}} }"""));

        Sample.Valid(reading);
        Assert.Equal(message is null ? [] : ["$.ops[0].args.cmd"], reading.Problems.Select(problem => problem.Path));
        Assert.All(reading.Problems, problem => Assert.Contains(message!, problem.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Checks_of_a_range_are_said_to_be_idle()
    {
        var reading = Sample.Json(Sample.WithArguments("""
            { "image": "a:1", "expose": { "port": "80-81", "health_checks": [{ "type": "websocket", "expected_response": "x" }] } }
            """));

        Sample.Valid(reading);
        Assert.Equal("$.ops[0].args.expose.health_checks", Assert.Single(reading.Problems).Path);
    }

    [Fact]
    public void An_id_is_only_a_name_where_somebody_could_use_it()
    {
        const string Run = """{ "type": "container/run", "id": "under_score", "args": { "image": "localhost/a" } }""";
        const string Other = """{ "type": "container/run", "id": "b", "args": { "image": "a:1" } }""";
        const string Volume = """{ "type": "container/create-volume", "id": "a_volume", "args": { "name": "v" } }""";

        Assert.Empty(Sample.Json(Sample.WithOperations($"{Run}, {Volume}")).Problems);
        Assert.Equal(["$.ops[0].id"], Sample.Json(Sample.WithOperations($"{Run}, {Other}, {Volume}")).Problems.Select(problem => problem.Path));
    }

    [Theory]
    [InlineData("\"cmd\": [\"__remove-if-empty__\"]", null)]
    [InlineData("\"cmd\": [\"__remove-if-empty__\", \"__remove-if-empty__\"]", "$.ops[0].args.cmd[1]")]
    [InlineData("\"resources\": [{ \"type\": \"S3\", \"url\": \"u\", \"target\": \"/t\", \"files\": [\"__remove-if-empty__\"] }]", "$.ops[0].args.resources[0].files[0]")]
    [InlineData("\"expose\": \"__remove-if-empty__\"", "$.ops[0].args.expose")]
    public void What_removes_an_argument_stands_where_it_is_followed(string argument, string? path) =>
        Assert.Equal(path is null ? [] : [path], Sample.Errors(Sample.Json(Sample.WithArguments($"{{ \"image\": \"a:1\", {argument} }}"))).Select(problem => problem.Path));

    [Fact]
    public void What_is_written_out_reads_the_same()
    {
        foreach (var text in (string[])[Sample.TwoOperations, Sample.WithArguments("""{ "image": "a:1", "env": { "Ä": "\u00e4\n\"" } }""")])
        {
            var job = Sample.Valid(Sample.Json(text));
            var written = JobDefinitionWriter.Write(job);

            Assert.True(Shape.Same(job.Document, Sample.Valid(Sample.Json(Encoding.UTF8.GetString(written))).Document));
        }
    }

    private static string TwoOperations(string first, string firstExecution, string second, string secondExecution) => Sample.WithOperations($$"""
        { "type": "container/run", "id": "{{first}}", "args": { "image": "a:1" }, "execution": { {{firstExecution}} } },
        { "type": "container/run", "id": "{{second}}", "args": { "image": "a:1" }, "execution": { {{secondExecution}} } }
        """);
}
