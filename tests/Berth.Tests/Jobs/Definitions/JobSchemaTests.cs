using System.Text;
using System.Text.Json.Nodes;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Jobs.Definitions;

public sealed class JobSchemaTests
{
    private static readonly DraftSevenSchema Schema = new(JsonNode.Parse(JobSchema.Text)!);

    /// <summary>Every object of the language with every member it may have.</summary>
    private const string Everything = """
        {
          "$schema": "x", "version": "0.1", "type": "container", "deployment_id": "d", "ssh": { "public_keys": ["k"] },
          "meta": { "trigger": "cli", "system_requirements": { "required_vram": 8 }, "mine": [1] },
          "global": { "image": "a:1", "gpu": true, "entrypoint": ["e"], "work_dir": "/w", "env": { "A": "1" }, "variables": { "V": "1" } },
          "logistics": { "send": { "type": "api", "args": { "endpoint": "https://x" } }, "receive": { "type": "api-listen", "args": {} } },
          "ops": [
            { "type": "container/create-volume", "id": "v", "args": { "name": "v" } },
            { "type": "container/run", "id": "a",
              "execution": { "group": "g", "stop_if_dependent_stops": false, "timeout": 5 },
              "results": { "r": "x", "s": { "regex": "y", "logType": ["stdout", "stderr"] } },
              "args": {
                "image": "a:1", "cmd": ["c"], "entrypoint": "e", "env": { "B": "2", "C": { "secret": "NAME" } }, "work_dir": "/w", "gpu": false, "private": true,
                "volumes": [{ "name": "v", "dest": "/v" }], "aliases": ["x"], "output": "/o", "required_vram": 3, "trusted_execution_env": "t",
                "restart_policy": { "policy": "on-failure", "restart_tries": 2 },
                "authentication": { "docker": { "username": "u", "password": "p", "email": "e", "server": "s" } },
                "expose": [80, "90-91", { "port": 100, "type": "web", "health_checks": [
                  { "type": "http", "path": "/", "method": "GET", "expected_status": 200, "headers": { "A": "b" }, "body": 1,
                    "continuous": true, "restart_on_failure": true, "max_restarts": 1 },
                  { "type": "websocket", "expected_response": "x", "continuous": false, "restart_on_failure": false, "max_restarts": 1 }] }],
                "resources": [
                  { "type": "S3", "target": "/a", "url": "https://x", "bucket": "b", "buckets": [{ "url": "u", "files": ["f"] }], "files": ["f"],
                    "allowWrite": true, "IAM": { "REGION": "r", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": { "secret": "NAME" } } },
                  { "type": "HF", "target": "/b", "repo": "o/n", "url": "u", "revision": "main", "files": ["f"], "accessToken": "t" },
                  { "type": "Ollama", "model": "m", "target": "/c" },
                  { "type": "IPFS", "url": "ipfs://x", "target": "/d" },
                  { "type": "HTTP", "url": "https://x/y", "target": "/e", "name": "z", "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "size": 5 },
                  { "type": "Git", "url": "https://x/y.git", "target": "/f", "revision": "v1", "accessToken": "t" }]
              } },
            { "type": "container/run", "id": "b", "args": { "image": "a:1", "expose": 80, "cmd": "c", "restart_policy": "always", "aliases": "x,y" } }
          ]
        }
        """;

    [Fact]
    public void It_names_the_members_that_the_reader_knows()
    {
        foreach (var (name, members) in LanguageMembers.All)
        {
            var schema = name == "definition" ? Schema.Root : Schema.Definitions[name]!.AsObject();

            Assert.Equal(members.Order(StringComparer.Ordinal), schema["properties"]!.AsObject().Select(member => member.Key).Order(StringComparer.Ordinal));
            Assert.False(schema["additionalProperties"]!.GetValue<bool>());
        }
    }

    [Fact]
    public void It_accepts_what_the_reader_accepts()
    {
        Assert.Empty(Sample.Errors(Sample.Json(Everything)));
        foreach (var document in Documents())
        {
            Assert.True(Schema.Accepts(document));
        }
    }

    [Fact]
    public void It_judges_every_small_change_to_a_document_as_the_reader_does()
    {
        var changes = 0;
        foreach (var document in Documents())
        {
            var text = document.ToJsonString();
            var refersToItself = text.Contains("%%", StringComparison.Ordinal) || text.Contains("depends_on", StringComparison.Ordinal);
            foreach (var (changed, what) in Changes(document))
            {
                var schemaAccepts = Schema.Accepts(changed);
                var errors = Sample.Errors(Sample.Json(changed.ToJsonString())).ToList();
                changes++;
                if (refersToItself && schemaAccepts)
                {
                    continue;
                }

                Assert.True(schemaAccepts == (errors.Count == 0), $"{what}: the schema {(schemaAccepts ? "accepts" : "refuses")}, the reader says {string.Join(" | ", errors)}");
            }
        }

        Assert.True(changes > 1000);
    }

    private static IEnumerable<JsonNode> Documents()
    {
        var files = RepositoryFiles.Examples.Concat(RepositoryFiles.Corpus).Where(file => file.EndsWith(".json", StringComparison.Ordinal)).Select(File.ReadAllBytes);
        return files.Append(Encoding.UTF8.GetBytes(Everything)).Append(Encoding.UTF8.GetBytes(Sample.TwoOperations))
            .Select(text => JsonNode.Parse(JobDefinitionWriter.Write(DocumentText.Read(text, DocumentFormat.Json).Root!))!);
    }

    /// <summary>The document without each member, with each value replaced by one of each kind, and with a stranger in each object.</summary>
    private static IEnumerable<(JsonNode Changed, string What)> Changes(JsonNode document)
    {
        foreach (var path in Places(document, []))
        {
            if (path[^1] is string)
            {
                yield return (With(document, path, (parent, key) => ((JsonObject)parent).Remove((string)key)), $"without {Named(path)}");
            }

            foreach (var value in (string[])["12345678", "1.5", "true", "null", "{}", "[]", "\"x\"", "\"\"", "[1]", "{\"x\":1}"])
            {
                yield return (With(document, path, (parent, key) => Put(parent, key, JsonNode.Parse(value))), $"{Named(path)} = {value}");
            }

            if (At(document, path) is JsonObject)
            {
                yield return (With(document, path, (parent, key) => (Get(parent, key)!)["stranger"] = "x"), $"a stranger in {Named(path)}");
            }
        }
    }

    private static IEnumerable<object[]> Places(JsonNode? node, object[] path)
    {
        IEnumerable<(object Key, JsonNode? Value)> children = node switch
        {
            JsonObject map => map.Select(member => ((object)member.Key, member.Value)),
            JsonArray list => list.Select((item, index) => ((object)index, item)),
            _ => [],
        };
        return children.SelectMany(child => Places(child.Value, [.. path, child.Key]).Prepend([.. path, child.Key]));
    }

    private static JsonNode With(JsonNode document, object[] path, Action<JsonNode, object> change)
    {
        var copy = document.DeepClone();
        change(At(copy, path[..^1])!, path[^1]);
        return copy;
    }

    private static JsonNode? At(JsonNode node, object[] path) => path.Aggregate((JsonNode?)node, (at, key) => Get(at!, key));

    private static JsonNode? Get(JsonNode parent, object key) => key is string name ? parent[name] : parent[(int)key];

    private static void Put(JsonNode parent, object key, JsonNode? value)
    {
        if (key is string name)
        {
            parent[name] = value;
        }
        else
        {
            parent[(int)key] = value;
        }
    }

    private static string Named(object[] path) => string.Join('.', path);
}
