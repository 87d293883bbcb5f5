using System.Text;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Jobs.Definitions;

public sealed class ArgumentsReaderTests
{
    [Fact]
    public void Every_argument_is_read()
    {
        var arguments = Sample.Arguments("""
            {
              "image": "ghcr.io/owner/name:1.2", "cmd": ["a", "b"], "entrypoint": ["e", "f"], "env": { "B": "2", "A": "1" }, "work_dir": "/w",
              "gpu": true, "private": true, "volumes": [{ "name": "v", "dest": "/v" }], "expose": 80, "aliases": " one, two ,",
              "authentication": { "docker": { "username": "u", "password": "p", "server": "s" } },
              "restart_policy": { "policy": "on-failure", "restart_tries": 3 }, "output": "/out", "required_vram": 7.5, "trusted_execution_env": "SEV-SNP"
            }
            """);

        Assert.Equal(["a", "b"], Assert.IsType<CommandList>(arguments.Command).Elements);
        Assert.Equal(["e", "f"], arguments.Entrypoint!.Value);
        Assert.Equal([new("B", "2"), new("A", "1")], arguments.Env);
        Assert.Equal(new VolumeMount("v", "/v"), Assert.Single(arguments.Volumes));
        Assert.Equal(["one", "two"], arguments.Aliases);
        Assert.Equal(new RegistryLogin("u", "p", null, "s"), arguments.Login);
        Assert.Equal(new RestartPolicy(RestartWhen.OnFailure, 3), arguments.Restart);
        Assert.Equal(("/w", "/out", 7.5, "SEV-SNP", true, true), (arguments.WorkDir, arguments.Output, arguments.RequiredVram, arguments.TrustedExecution, arguments.Gpu, arguments.Private));
    }

    [Theory]
    [InlineData("\"no\"", RestartWhen.Never)]
    [InlineData("\"always\"", RestartWhen.Always)]
    [InlineData("\"unless-stopped\"", RestartWhen.UnlessStopped)]
    [InlineData("\"on-failure\"", RestartWhen.OnFailure)]
    [InlineData("{ \"policy\": \"on-failure\" }", RestartWhen.OnFailure)]
    public void Every_form_of_restart_policy_is_read(string policy, RestartWhen when) =>
        Assert.Equal(new RestartPolicy(when), Sample.Arguments($$"""{ "image": "a:1", "restart_policy": {{policy}} }""").Restart);

    [Theory]
    [InlineData("8080", "8080")]
    [InlineData("\"8080\"", "8080")]
    [InlineData("\"8000-8005\"", "8000-8005")]
    [InlineData("{ \"port\": 80, \"type\": \"web\" }", "80")]
    [InlineData("[1, \"2-3\", { \"port\": 4 }, { \"port\": \"5-6\" }]", "1 2-3 4 5-6")]
    [InlineData("\"%%ops.b.endpoint.1%%\"", "", false)]
    [InlineData("[\"%%global.variables.P%%\", 80, { \"__spread__\": \"[81]\", \"chunked\": false }]", "80", false)]
    [InlineData("{ \"__spread__\": \"[81]\" }", "")]
    public void Every_form_of_expose_is_read(string expose, string ports, bool isResolvable = true)
    {
        var root = DocumentText.Read(Encoding.UTF8.GetBytes(Sample.WithArguments($$"""{ "image": "a:1", "expose": {{expose}} }""")), DocumentFormat.Json).Root!;
        var problems = new List<Problem>(JobDefinitionReader.Read(root).Problems).FindAll(problem => problem.Severity is Severity.Error);

        Assert.Equal(isResolvable, problems.Count == 0);
        Assert.All(problems, problem => Assert.Contains("can never be filled", problem.Message, StringComparison.Ordinal));
        if (isResolvable)
        {
            Assert.Equal(ports, string.Join(' ', Sample.Arguments($$"""{ "image": "a:1", "expose": {{expose}} }""").Exposures.Select(exposure => exposure.Port)));
        }
    }

    [Fact]
    public void Health_checks_are_read_with_their_defaults()
    {
        var checks = Assert.Single(Sample.Arguments("""
            { "image": "a:1", "expose": [{ "port": 80, "type": "api", "health_checks": [
              { "type": "http", "path": "health", "method": "POST", "expected_status": 204, "headers": { "X": "y" }, "body": { "a": [1] } },
              { "type": "websocket", "expected_response": "hi", "continuous": true, "restart_on_failure": true, "max_restarts": 2 }
            ] }] }
            """).Exposures).HealthChecks;
        var http = Assert.IsType<HttpHealthCheck>(checks[0]);
        var socket = Assert.IsType<WebSocketHealthCheck>(checks[1]);

        Assert.Equal(("/health", "POST", 204, "{\"a\":[1]}", false), (http.Path, http.Method, http.ExpectedStatus, http.Body, http.Continuous));
        Assert.Equal([new("X", "y")], http.Headers);
        Assert.Equal(("hi", true, true, 2), (socket.ExpectedResponse, socket.Continuous, socket.RestartOnFailure, socket.MaxRestarts));
    }

    [Fact]
    public void Resources_of_both_generations_are_read()
    {
        var resources = Sample.Arguments("""
            { "image": "a:1", "resources": [
              { "type": "S3", "url": "s3://b/k", "target": "/a", "files": ["f"], "allowWrite": true, "IAM": { "ACCESS_KEY_ID": "i", "SECRET_ACCESS_KEY": "s" } },
              { "type": "S3", "bucket": "b", "target": "/b" },
              { "type": "S3", "buckets": [{ "url": "u", "files": ["g"] }], "target": "/c" },
              { "type": "HF", "repo": "o/n", "revision": "r", "files": ["h"], "accessToken": "t", "target": "/d" },
              { "type": "HF", "url": "https://huggingface.co/o/n", "target": "/e" },
              { "type": "Ollama", "model": "m" },
              { "type": "IPFS", "url": "ipfs://c", "target": "/g" },
              { "__spread__": "[]" }, "__remove-if-empty__"
            ] }
            """).Resources;

        Assert.Equal(["S3", "S3", "S3", "HF", "HF", "Ollama", "IPFS"], resources.Select(resource => resource.Type));
        Assert.Equal(new S3Credentials(null, "i", "s"), resources[0].Credentials);
        Assert.True(resources[0].AllowWrite);
        Assert.Equal(["g"], Assert.Single(resources[2].Buckets).Files);
        Assert.Equal(("o/n", "r", "t"), (resources[3].Repo, resources[3].Revision, resources[3].AccessToken));
        Assert.Equal("/root/.ollama/models", resources[5].Target);
    }

    [Theory]
    [InlineData("\"cmd\": 1", "cmd", "write it in quotes: \"1\"")]
    [InlineData("\"cmd\": [\"a\", 1]", "cmd[1]", "in quotes")]
    [InlineData("\"entrypoint\": {}", "entrypoint", "a text or a list")]
    [InlineData("\"env\": { \"PORT\": 8080 }", "env.PORT", "write it in quotes: \"8080\"")]
    [InlineData("\"env\": { \"A\": null }", "env.A", "null stands here")]
    [InlineData("\"env\": { \"A=B\": \"\" }", "env['A=B']", "no '='")]
    [InlineData("\"env\": [\"A=B\"]", "env", "an object")]
    [InlineData("\"work_dir\": \"w\"", "work_dir", "begin with '/'")]
    [InlineData("\"gpu\": \"yes\"", "gpu", "true or false")]
    [InlineData("\"volumes\": [{ \"name\": \"-v\", \"dest\": \"/v\" }]", "volumes[0].name", "begins with a letter")]
    [InlineData("\"volumes\": [{ \"name\": \"v\", \"dest\": \"/\" }]", "volumes[0].dest", "root")]
    [InlineData("\"volumes\": [{ \"name\": \"v\", \"dest\": \"/a/../b\" }]", "volumes[0].dest", "'..'")]
    [InlineData("\"volumes\": [{ \"name\": \"v\" }]", "volumes[0].dest", "missing")]
    [InlineData("\"volumes\": [{ \"name\": \"v\", \"dest\": \"/v\" }, { \"name\": \"w\", \"dest\": \"/v/\" }]", "volumes[1].dest", "Two volumes")]
    [InlineData("\"expose\": 0", "expose", "no port")]
    [InlineData("\"expose\": 80.5", "expose", "no port")]
    [InlineData("\"expose\": \"9000-8000\"", "expose", "smaller to the larger")]
    [InlineData("\"expose\": \"8000:8005\"", "expose", "no port")]
    [InlineData("\"expose\": true", "expose", "must be a port")]
    [InlineData("\"expose\": [80, { \"port\": 80 }]", "expose[1]", "twice")]
    [InlineData("\"expose\": [\"80-90\", 85]", "expose[1]", "twice")]
    [InlineData("\"expose\": [\"80-90\", \"90-95\"]", "expose[1]", "twice")]
    [InlineData("\"expose\": [{ \"port\": 80, \"type\": \"wbe\" }]", "expose[0].type", "did you mean 'web'")]
    [InlineData("\"expose\": [{ \"__spread__\": \"text\" }]", "expose[0].__spread__", "a list")]
    [InlineData("\"expose\": [{ \"port\": 80, \"health_checks\": [{ \"type\": \"http\", \"path\": \"/\", \"method\": \"get\", \"expected_status\": 200 }] }]", "expose[0].health_checks[0].method", "did you mean 'GET'")]
    [InlineData("\"expose\": [{ \"port\": 80, \"health_checks\": [{ \"type\": \"http\", \"path\": \"/\", \"method\": \"GET\" }] }]", "expose[0].health_checks[0].expected_status", "missing")]
    [InlineData("\"expose\": [{ \"port\": 80, \"health_checks\": [{ \"type\": \"http\", \"path\": \"/\", \"method\": \"GET\", \"expected_status\": 42 }] }]", "expose[0].health_checks[0].expected_status", "from 100 to 599")]
    [InlineData("\"expose\": [{ \"port\": 80, \"health_checks\": [{ \"type\": \"http\", \"path\": \"/\", \"method\": \"GET\", \"expected_status\": 200, \"headers\": { \"A\": \"b\\r\\nC: d\" } }] }]", "expose[0].health_checks[0].headers", "line breaks")]
    [InlineData("\"aliases\": [\"a b\"]", "aliases", "host name")]
    [InlineData("\"resources\": [{ \"type\": \"HTTP\", \"url\": \"file:///etc/passwd\", \"target\": \"/a\" }]", "resources[0].url", "https://")]
    [InlineData("\"resources\": [{ \"type\": \"HTTP\", \"url\": \"https://x\", \"target\": \"/a\", \"name\": \"../b\" }]", "resources[0].name", "no '/'")]
    [InlineData("\"resources\": [{ \"type\": \"HTTP\", \"url\": \"https://x\", \"target\": \"/a\", \"sha256\": \"abc\" }]", "resources[0].sha256", "64 hexadecimal")]
    [InlineData("\"resources\": [{ \"type\": \"HTTP\", \"url\": \"https://x\", \"target\": \"/a\", \"size\": 1.5 }]", "resources[0].size", "whole number")]
    [InlineData("\"resources\": [{ \"type\": \"HTTP\", \"url\": \"https://x\", \"target\": \"/../a\" }]", "resources[0].target", "..")]
    [InlineData("\"resources\": [{ \"type\": \"Git\", \"url\": \"git@x:y\", \"target\": \"/a\" }]", "resources[0].url", "https://")]
    [InlineData("\"resources\": [{ \"type\": \"Git\", \"url\": \"https://x\", \"target\": \"/a\", \"revision\": \"--upload-pack=evil\" }]", "resources[0].revision", "branch")]
    [InlineData("\"resources\": [{ \"type\": \"GCS\" }]", "resources[0].type", "one of S3")]
    [InlineData("\"resources\": [{ \"type\": \"S3\", \"target\": \"/a\" }]", "resources[0]", "where it is")]
    [InlineData("\"resources\": [{ \"type\": \"S3\", \"url\": \"u\" }]", "resources[0].target", "missing")]
    [InlineData("\"resources\": [{ \"type\": \"HF\", \"target\": \"/a\" }]", "resources[0].repo", "missing")]
    [InlineData("\"resources\": [{ \"type\": \"HF\", \"repo\": \"a/b/c\", \"target\": \"/a\" }]", "resources[0].repo", "owner/name")]
    [InlineData("\"resources\": [{ \"type\": \"Ollama\", \"modle\": \"x\", \"model\": \"x\" }]", "resources[0].modle", "not known")]
    [InlineData("\"resources\": [{ \"type\": \"IPFS\", \"url\": \"x\", \"target\": \"a\" }]", "resources[0].target", "begin with '/'")]
    [InlineData("\"authentication\": {}", "authentication.docker", "missing")]
    [InlineData("\"restart_policy\": \"on-fail\"", "restart_policy", "did you mean 'on-failure'")]
    [InlineData("\"restart_policy\": {}", "restart_policy.policy", "missing")]
    [InlineData("\"output\": \"out\"", "output", "begin with '/'")]
    [InlineData("\"required_vram\": -1", "required_vram", "GB")]
    public void What_is_wrong_in_an_argument_is_refused(string member, string path, string message)
    {
        var reading = Sample.Json(Sample.WithArguments($$"""{ "image": "a:1", {{member}} }"""));
        var problem = Assert.Single(Sample.Errors(reading));

        Assert.Equal($"$.ops[0].args.{path}", problem.Path);
        Assert.Equal(2, problem.Position.Line);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ubuntu")]
    [InlineData("ubuntu:24.04")]
    [InlineData("localhost/a_b/c--d:Tag_1.0")]
    [InlineData("registry.example.org:5000/a/b@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("Host.Example.org/a")]
    [InlineData("%%global.host%%/Anything Goes")]
    public void Names_that_an_engine_may_know_are_accepted(string image) => Assert.Equal(image, Sample.Arguments($$"""{ "image": "{{image}}" }""").Image);

    [Theory]
    [InlineData("", "empty")]
    [InlineData("a b", "spaces")]
    [InlineData("https://ghcr.io/a/b", "scheme")]
    [InlineData("Ubuntu", "lower case")]
    [InlineData("ubuntu:", "tag")]
    [InlineData("a@sha256:12", "digest")]
    [InlineData("-a", "no name of an image")]
    [InlineData("a//b", "no name of an image")]
    public void Names_that_no_engine_can_know_are_refused(string image, string message) =>
        Assert.Contains(message, Assert.Single(Sample.Errors(Sample.Json(Sample.WithArguments($$"""{ "image": "{{image}}" }""")))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_missing_image_is_refused_where_there_is_no_default() =>
        Assert.Equal("$.ops[0].args.image", Assert.Single(Sample.Errors(Sample.Json(Sample.WithArguments("{}")))).Path);

    [Fact]
    public void Filled_arguments_may_bring_numbers_where_text_was_expected()
    {
        var reading = Filled("""
            { "image": "a:1", "cmd": ["--port", 8080, true], "expose": ["9000", { "port": 9001 }],
              "env": { "A": 1, "B": null, "C": { "d": [true] }, "D": "%%global.job%%" } }
            """);

        Assert.Empty(reading.Problems);
        Assert.Equal(["--port", "8080", "true"], Assert.IsType<CommandList>(reading.Arguments!.Command).Elements);
        Assert.Equal([new("A", "1"), new("B", ""), new("C", "{\"d\":[true]}"), new("D", "%%global.job%%")], reading.Arguments.Env);
        Assert.Equal(["9000", "9001"], reading.Arguments.Exposures.Select(exposure => exposure.Port));
    }

    [Theory]
    [InlineData("\"expose\": \"%%ops.a.results.p%%\"", "expose")]
    [InlineData("\"expose\": [{ \"__spread__\": \"[1]\" }]", "expose[0]")]
    [InlineData("\"cmd\": [\"__remove-if-empty__\"]", "cmd[0]")]
    [InlineData("\"env\": { \"__pairs__\": \"[]\" }", "env.__pairs__")]
    [InlineData("\"work_dir\": \"%%global.variables.W%%\"", "work_dir")]
    [InlineData("\"image\": \"%%global.variables.W%%\"", "image")]
    public void Nothing_is_left_open_in_filled_arguments(string member, string path)
    {
        var image = member.StartsWith("\"image\"", StringComparison.Ordinal) ? "" : "\"image\": \"a:1\", ";

        Assert.Equal($"$.ops[3].args.{path}", Assert.Single(Filled($$"""{ {{image}}{{member}} }""").Problems).Path);
    }

    [Fact]
    public void A_NUL_that_a_result_brings_is_refused()
    {
        var filled = new ObjectNode([new("image", new TextNode("a:1")), new("env", new ObjectNode([new("A", new TextNode("\0"))]))]);

        Assert.Equal("$.ops[3].args.env.A", Assert.Single(JobDefinitionReader.ReadArguments(filled, "$.ops[3].args").Problems).Path);
    }

    private static ArgumentsReading Filled(string text) =>
        JobDefinitionReader.ReadArguments((ObjectNode)DocumentText.Read(Encoding.UTF8.GetBytes(text), DocumentFormat.Json).Root!, "$.ops[3].args");
}
