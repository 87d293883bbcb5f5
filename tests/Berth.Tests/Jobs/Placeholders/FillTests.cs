using System.Collections.Immutable;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Placeholders;
using Berth.Jobs.Results;
using CsCheck;
using Xunit;
using Literals = Berth.Jobs.Placeholders.Placeholders;

namespace Berth.Tests.Jobs.Placeholders;

public sealed class FillTests
{
    private static readonly PlaceholderValues Values = new()
    {
        Job = new JobId("JOB"),
        Host = "HOST",
        Project = "PROJECT",
        IngressDomain = "node.example",
        Version = "1.2.3",
        Variables = new Dictionary<string, string>
        {
            ["A"] = "a",
            ["B.C"] = "bc",
            ["two words"] = "tw",
            ["EMPTY"] = "",
            ["OBJECT"] = "{ \"k\": [1, 2] }",
            ["LIST"] = " [1, \"two\", {\"three\": 3}]",
            ["ONE"] = "[true]",
            ["LOOKS"] = "[not json",
            ["LITERAL"] = "%%global.job%%",
        }.ToImmutableDictionary(),
        Operations = new Dictionary<OperationId, OperationValues>
        {
            [new("a")] = new()
            {
                Host = "JOB-0",
                ContainerAddress = "10.0.0.2",
                Endpoints = Map(("80", "e80.node.example"), ("8000-8005", "range.node.example")),
                DeploymentEndpoint = "dep.node.example",
                Results = Results(
                    ("one", ["m1"]),
                    ("many", ["m1", "m2"]),
                    ("none", []),
                    ("gap", ["m", null]),
                    ("json", ["[\"x\",\"y\"]"]),
                    ("object", ["{\"k\": 1}"]),
                    ("mixed", ["{\"k\": 1}", "[2,[3]]", "plain"]),
                    ("chunks", ["[\"p\",", "\"q\"]"]),
                    ("pairs", ["[{\"key\":\"K\",\"value\":\"V\"},{\"key\":\"E\"}]"]),
                    ("key.dotted", ["kd"]))
                    .Add("bad", new ResultValue { Error = "SyntaxError: Invalid regular expression" }),
            },
            [new("waiting")] = new() { Host = "JOB-1" },
            [new("x.y")] = new() { Host = "JOB-2", Results = Results(("k", ["xy"])) },
            [new("x")] = new() { Host = "JOB-3" },
            [new("x.results")] = new() { Host = "JOB-4", Results = Results(("k", ["never"])) },
            [new("my op")] = new() { Host = "JOB-5" },
        }.ToImmutableDictionary(),
    };

    [Theory]
    [InlineData("%%global.job%%", "JOB")]
    [InlineData("%%globals.job%%", "JOB")]
    [InlineData("%%global.host%%", "HOST")]
    [InlineData("%%global.project%%", "PROJECT")]
    [InlineData("%%global.frps_address%%", "node.example")]
    [InlineData("%%global.version%%", "1.2.3")]
    [InlineData("%%global.variables.A%%", "a")]
    [InlineData("%%global.variables.B.C%%", "bc")]
    [InlineData("%%global.variables.\"two words\"%%", "tw")]
    [InlineData("%%ops.a.host%%", "JOB-0")]
    [InlineData("%%ops.waiting.host%%", "JOB-1")]
    [InlineData("%%ops.my op.host%%", "JOB-5")]
    [InlineData("%%ops.a.container_ip%%", "10.0.0.2")]
    [InlineData("%%ops.a.endpoint.80%%", "e80.node.example")]
    [InlineData("%%ops.a.endpoint.8000-8005%%", "range.node.example")]
    [InlineData("%%ops.a.endpoint.8003%%", "range.node.example")]
    [InlineData("%%ops.a.deployment_endpoint%%", "dep.node.example")]
    [InlineData("%%ops.a.results.one%%", "m1")]
    [InlineData("%%ops.a.results.key.dotted%%", "kd")]
    [InlineData("%%ops.a.results.\"key.dotted\"%%", "kd")]
    public void Every_value_can_be_named_alone_and_within_a_text(string literal, string value)
    {
        Assert.Equal(value, Text(literal));
        Assert.Equal($"<{value}>", Text($"<{literal}>"));
    }

    // What the original got wrong (job-language.md 1.12, known defects), and what is right.
    [Theory]
    [InlineData("%%globals.variables.A%%", "a")]
    [InlineData("%%global.job%% and %%ops.a.host%%", "JOB and JOB-0")]
    [InlineData("%%ops.a.host%% and %%global.job%%", "JOB-0 and JOB")]
    [InlineData("%%globals.job%% %%global.host%%", "JOB HOST")]
    [InlineData("%%ops.x.y.host%%", "JOB-2")]
    [InlineData("%%ops.x.y.results.k%%", "xy")]
    [InlineData("%%ops.\"x.y\".results.k%%", "xy")]
    [InlineData("%%ops.x.host%%", "JOB-3")]
    [InlineData("{\"a\":1}", "{\"a\":1}")]
    [InlineData("[1,2]", "[1,2]")]
    [InlineData("[\"sh\",\"-c\",\"x\"]", "[\"sh\",\"-c\",\"x\"]")]
    public void The_originals_defects_are_not_ours(string text, string value) => Assert.Equal(value, Text(text));

    [Fact]
    public void Static_text_in_a_list_is_left_alone_even_when_it_is_json() =>
        AssertFilled("""{"cmd":["--cfg","{\"a\":1}"],"env":{"A":"{\"a\":1}","B":"[1,2]"}}""", """{"cmd":["--cfg","{\"a\":1}"],"env":{"A":"{\"a\":1}","B":"[1,2]"}}""");

    [Theory]
    [InlineData("100%% sure")]
    [InlineData("100%% sure, 5%%")]
    [InlineData("%%")]
    [InlineData("%%%%")]
    [InlineData("%% global.job %%")]
    [InlineData("%%ops.a%%")]
    [InlineData("%%ops..host%%")]
    [InlineData("%%global.%%")]
    [InlineData("%%Global.job%%")]
    [InlineData("%%global.job%")]
    [InlineData("%%ops.a.results.my key%%")]
    [InlineData("%%ops.\"a.host%%")]
    [InlineData("%%global\n.job%%")]
    public void What_is_no_placeholder_stays_text(string text) => Assert.Equal(text, Text(text));

    [Theory]
    [InlineData("100%% %%global.job%%", "100%% JOB")]
    [InlineData("%%%global.job%%%", "%JOB%")]
    [InlineData("%%global.job%%%%global.host%%", "JOBHOST")]
    [InlineData("%%ops.a%%global.job%%", "%%ops.aJOB")]
    public void Percent_signs_around_a_placeholder_stay(string text, string value) => Assert.Equal(value, Text(text));

    [Theory]
    [InlineData("%%ops.a.results.many%%", "m1 m2")]
    [InlineData("%%ops.a.results.none%%", "")]
    [InlineData("x %%ops.a.results.none%% y", "x  y")]
    [InlineData("%%ops.a.results.gap%%.", "m .")]
    [InlineData("see %%ops.a.results.many%%", "see m1 m2")]
    [InlineData("see %%ops.a.results.json%%", "see [\"x\",\"y\"]")]
    [InlineData("%%global.variables.LIST%%", "1 two {\"three\":3}")]
    [InlineData("%%global.variables.OBJECT%%", "{ \"k\": [1, 2] }")]
    [InlineData("%%global.variables.LOOKS%%", "[not json")]
    [InlineData("%%global.variables.LITERAL%%", "%%global.job%%")]
    [InlineData("%%ops.a.results.bad%%", "SyntaxError: Invalid regular expression")]
    [InlineData("why: %%ops.a.results.bad%%", "why: SyntaxError: Invalid regular expression")]
    [InlineData("%%ops.a.results.mixed%%", "{\"k\":1} 2 3 plain")]
    public void A_text_becomes_one_text(string text, string value) => Assert.Equal(value, Text(text));

    [Theory]
    [InlineData("%%ops.a.results.json%%", """["x","y"]""")]
    [InlineData("%%ops.a.results.object%%", """{"k":1}""")]
    [InlineData("%%global.variables.ONE%%", "true")]
    public void The_only_value_keeps_its_type(string text, string json) => AssertFilled($$"""{"field":"{{text}}"}""", $$"""{"field":{{json}}}""");

    [Theory]
    [InlineData("%%ops.a.results.many%%", """["m1","m2","z"]""")]
    [InlineData("%%ops.a.results.none%%", """["z"]""")]
    [InlineData("%%ops.a.results.gap%%", """["m","","z"]""")]
    [InlineData("%%ops.a.results.json%%", """["x","y","z"]""")]
    [InlineData("%%ops.a.results.mixed%%", """[{"k":1},2,3,"plain","z"]""")]
    [InlineData("%%global.variables.LIST%%", """[1,"two",{"three":3},"z"]""")]
    [InlineData("%%global.variables.A%%", """["a","z"]""")]
    [InlineData("<%%ops.a.results.many%%>", """["<m1 m2>","z"]""")]
    public void In_a_list_a_value_becomes_items(string text, string json) => AssertFilled($$"""{"cmd":["{{text}}","z"]}""", $$"""{"cmd":{{json}}}""");

    [Fact]
    public void All_depths_are_filled_and_names_are_left_alone() => AssertFilled(
        """{"work_dir":"/%%global.job%%","%%global.job%%":[{"deep":[["%%ops.a.host%%"]],"n":1.50,"t":true,"u":null}]}""",
        """{"work_dir":"/JOB","%%global.job%%":[{"deep":[["JOB-0"]],"n":1.50,"t":true,"u":null}]}""");

    [Theory]
    [InlineData("%%global.jobs%%", "there is no global value named 'jobs'", "job")]
    [InlineData("%%global.job.x%%", "there is no global value named 'job.x'", null)]
    [InlineData("%%global.variables.a2%%", "there is no variable named 'a2'", "A")]
    [InlineData("%%global.variables.nowhere%%", "there is no variable named 'nowhere'", null)]
    [InlineData("%%global.variables.EMPTY%%", "the variable 'EMPTY' is empty", null)]
    [InlineData("%%ops.wating.host%%", "there is no operation 'wating'", "waiting")]
    [InlineData("%%ops.a.hots%%", "an operation has host, container_ip, deployment_endpoint, endpoint.PORT and results.KEY", "host")]
    [InlineData("%%ops.a.host.x%%", "an operation has host", "host")]
    [InlineData("%%ops.a.results%%", "an operation has host", "results")]
    [InlineData("%%ops.waiting.results.k%%", "operation 'waiting' has not ended, or it takes no results", null)]
    [InlineData("%%ops.waiting.container_ip%%", "operation 'waiting' has not started", null)]
    [InlineData("%%ops.waiting.deployment_endpoint%%", "no deployment_id", null)]
    [InlineData("%%ops.a.endpoint.8006%%", "only 80, 8000-8005", null)]
    [InlineData("%%ops.a.endpoint.81%%", "operation 'a' exposes no port 81", "80")]
    [InlineData("%%ops.a.results.man%%", "operation 'a' takes no result 'man'", "many")]
    [InlineData("%%ops.x.results.results.k%%", "more than one operation could be meant", null)]
    public void What_has_no_value_is_refused_with_the_reason(string literal, string why, string? suggestion)
    {
        foreach (var text in new[] { literal, $"<{literal}>" })
        {
            var filling = Fill(new ObjectNode([new ObjectMember("cmd", new ListNode([new TextNode(text, new TextPosition(4, 2))]))]));

            Assert.Null(filling.Arguments);
            var problem = Assert.Single(filling.Problems);
            Assert.Equal(Severity.Error, problem.Severity);
            Assert.Equal("$.ops[1].args.cmd[0]", problem.Path);
            Assert.Equal(new TextPosition(4, 2), problem.Position);
            Assert.Equal(literal, problem.Found);
            Assert.Contains(why, problem.Message, StringComparison.Ordinal);
            Assert.Contains("'me'", problem.Message, StringComparison.Ordinal);
            Assert.Equal(suggestion, problem.Suggestion);
        }
    }

    [Fact]
    public void Quotes_settle_which_of_two_operations_is_meant() => Assert.Equal("never", Text("%%ops.\"x.results\".results.k%%"));

    [Fact]
    public void Every_problem_is_told_with_its_own_path() => Assert.Equal(
        ["$.ops[1].args.image", "$.ops[1].args.env['A.B']", "$.ops[1].args.cmd[1]", "$.ops[1].args.cmd[1]"],
        Fill(Tree.Object("""{"image":"%%global.no%%","env":{"A.B":"%%global.no%%"},"cmd":["","%%global.no%% %%global.nor%%"]}""")).Problems.Select(problem => problem.Path));

    [Theory]
    [InlineData("""{"cmd":["a",{"__spread__":["b","c"]},"d"]}""", """{"cmd":["a","b","c","d"]}""")]
    [InlineData("""{"cmd":["a",{"__spread__":"[\"b\",[\"c\"]]"}]}""", """{"cmd":["a","b",["c"]]}""")]
    [InlineData("""{"cmd":[{"__spread__":[]}]}""", """{"cmd":[]}""")]
    [InlineData("""{"cmd":[{"__spread__":"%%ops.a.results.json%%"}]}""", """{"cmd":["x","y"]}""")]
    [InlineData("""{"cmd":[{"__spread__":"%%ops.a.results.many%%"}]}""", """{"cmd":["m1","m2"]}""")]
    [InlineData("""{"cmd":[{"__spread__":"%%ops.a.results.none%%"}]}""", """{"cmd":[]}""")]
    [InlineData("""{"cmd":[{"__spread__":"%%ops.a.results.chunks%%"}]}""", """{"cmd":["p","q"]}""")]
    [InlineData("""{"cmd":[{"__spread__":"%%global.variables.LIST%%"}]}""", """{"cmd":[1,"two",{"three":3}]}""")]
    [InlineData("""{"cmd":[{"__spread__":["[\"a\",","\"b\"]"],"chunked":true}]}""", """{"cmd":["a","b"]}""")]
    [InlineData("""{"cmd":[{"__spread__":"%%ops.a.results.chunks%%","chunked":true}]}""", """{"cmd":["p","q"]}""")]
    [InlineData("""{"cmd":[{"__spread__":["%%ops.a.results.chunks%%"],"chunked":true}]}""", """{"cmd":["p","q"]}""")]
    [InlineData("""{"cmd":[{"__spread__":"%%ops.a.results.json%%","chunked":true}]}""", """{"cmd":["x","y"]}""")]
    [InlineData("""{"cmd":[{"__spread__":[{"__spread__":["deep"]}]}]}""", """{"cmd":["deep"]}""")]
    [InlineData("""{"expose":{"__spread__":"%%ops.a.results.json%%"}}""", """{"expose":["x","y"]}""")]
    [InlineData("""{"resources":[{"type":"S3","__spread__":{"url":"u"}}]}""", """{"resources":[{"type":"S3","url":"u"}]}""")]
    [InlineData("""{"env":{"A":"1","B":"2","__spread__":"{\"A\":\"x\",\"C\":3}"}}""", """{"env":{"A":"x","B":"2","C":"3"}}""")]
    [InlineData("""{"env":{"__spread__":{"A":"spread"},"A":"own"}}""", """{"env":{"A":"spread"}}""")]
    [InlineData("""{"env":{"__spread__":"%%ops.a.results.object%%"}}""", """{"env":{"k":"1"}}""")]
    [InlineData("""{"env":{"__spread__":"%%global.variables.OBJECT%%"}}""", """{"env":{"k":"[1,2]"}}""")]
    [InlineData("""{"env":{"__spread__":"{\"J\":\"%%global.job%%\"}"}}""", """{"env":{"J":"JOB"}}""")]
    [InlineData("""{"env":{"__pairs__":[{"key":"A","value":"1"},{"key":"B"}]}}""", """{"env":{"A":"1","B":""}}""")]
    [InlineData("""{"env":{"K":"old","__pairs__":"%%ops.a.results.pairs%%"}}""", """{"env":{"K":"V","E":""}}""")]
    public void Markers_widen_what_they_stand_in(string template, string filled) => AssertFilled(template, filled);

    [Theory]
    [InlineData("""{"cmd":[{"__spread__":"[1"}]}""", "__spread__ is not valid JSON: [1")]
    [InlineData("""{"cmd":[{"__spread__":"{}"}]}""", "__spread__ must be a JSON array")]
    [InlineData("""{"cmd":[{"__spread__":7}]}""", "__spread__ must be a JSON array")]
    [InlineData("""{"cmd":[{"__spread__":["[1,","2"],"chunked":true}]}""", "__spread__ chunked array is not valid JSON: [1,2")]
    [InlineData("""{"env":{"__spread__":"no"}}""", "__spread__ is not valid JSON: no")]
    [InlineData("""{"env":{"__spread__":"[]"}}""", "__spread__ must be a JSON object")]
    [InlineData("""{"env":{"__spread__":null}}""", "__spread__ must be a JSON object")]
    [InlineData("""{"env":{"__pairs__":"no"}}""", "__pairs__ is not valid JSON: no")]
    [InlineData("""{"env":{"__pairs__":{}}}""", "__pairs__ must be a JSON array")]
    [InlineData("""{"env":{"__pairs__":["a"]}}""", "__pairs__ items must be objects")]
    [InlineData("""{"env":{"__pairs__":[{"key":1}]}}""", "__pairs__ item.key must be string")]
    [InlineData("""{"env":{"__pairs__":[{"value":"v"}]}}""", "__pairs__ item.key must be string")]
    public void A_marker_that_cannot_be_followed_says_why(string template, string why)
    {
        var problem = Assert.Single(Fill(Tree.Object(template)).Problems);

        Assert.EndsWith(why, problem.Message, StringComparison.Ordinal);
        Assert.StartsWith("$.ops[1].args.", problem.Path, StringComparison.Ordinal);
        Assert.Equal(new TextPosition(3, 7), problem.Position);
    }

    [Fact]
    public void The_environment_is_text() => AssertFilled(
        """{"env":{"N":null,"I":1,"D":1.50,"T":true,"O":{"a":["b",null]},"L":[1,"\u0007é"],"S":"s"}}""",
        """{"env":{"N":"","I":"1","D":"1.50","T":"true","O":"{\"a\":[\"b\",null]}","L":"[1,\"\\u0007é\"]","S":"s"}}""");

    [Theory]
    [InlineData("""{"cmd":["__remove-if-empty__"],"gpu":true}""", """{"gpu":true}""")]
    [InlineData("""{"cmd":["__remove-if-empty__","%%ops.a.results.none%%"]}""", "{}")]
    [InlineData("""{"cmd":["a","__remove-if-empty__"]}""", """{"cmd":["a"]}""")]
    [InlineData("""{"cmd":["__remove-if-empty__","__remove-if-empty__"]}""", """{"cmd":["__remove-if-empty__"]}""")]
    [InlineData("""{"cmd":["__remove-if-empty__",{"__spread__":"[]"}]}""", "{}")]
    [InlineData("""{"cmd":[]}""", """{"cmd":[]}""")]
    [InlineData("""{"x":{"y":["__remove-if-empty__"]}}""", """{"x":{"y":["__remove-if-empty__"]}}""")]
    public void An_argument_with_nothing_left_in_it_can_go(string template, string filled) => AssertFilled(template, filled);

    [Fact]
    public void A_tree_without_placeholders_is_left_as_it_is() =>
        Tree.AnyObject.Sample(tree => Assert.Equal(Tree.Json(tree), Tree.Json(Fill(tree).Arguments)));

    [Fact]
    public void No_text_makes_filling_throw()
    {
        var fragment = Tree.OneOf(
            "%%", "%", "ops.", "global.", "globals.", "variables.", "a", "x", ".", "\"", "\\", "results.", "many", "host", "job", "__spread__",
            "[", "{", "]", "}", "\ud800", "\\ud800", "\"k\":", ",", " ", "\n", "%%global.job%%", "%%ops.a.results.mixed%%");
        var text = fragment.Array[0, 12].Select(string.Concat);
        Gen.Select(text, text, text).Sample((one, two, three) =>
        {
            var template = new ObjectNode(
            [
                new("cmd", new ListNode([new TextNode(one), new ObjectNode([new("__spread__", new TextNode(two))])])),
                new("env", new ObjectNode([new("E", new TextNode(three)), new("__spread__", new TextNode(one))])),
                new("x", new ObjectNode([new("__pairs__", new TextNode(two)), new("__spread__", new ListNode([new TextNode(three)])), new("chunked", new BooleanNode(true))])),
            ]);
            var filling = Fill(template);
            Assert.Equal(filling.Arguments is null, !filling.Problems.IsEmpty);
        });
    }

    [Theory]
    [InlineData("%%ops.big.results.text%%")]
    [InlineData("<%%ops.big.results.text%%>")]
    public void More_text_than_anybody_needs_is_refused(string text) => AssertTooMuch(text, new string('x', 1024 * 1024));

    [Fact]
    public void More_values_than_anybody_needs_are_refused() =>
        AssertTooMuch("%%ops.big.results.text%%", $"[{string.Join(',', Enumerable.Repeat("[]", 50_000))}]");

    [Fact]
    public void An_endless_name_is_refused_in_no_time() =>
        Assert.NotEmpty(Fill(new ObjectNode([new("image", new TextNode($"%%ops.{string.Concat(Enumerable.Repeat("a.", 200_000))}%%"))])).Problems);

    [Fact]
    public void Nesting_without_end_is_refused()
    {
        DocumentNode node = new TextNode("%%global.job%%");
        for (var depth = 0; depth < 5_000; depth++)
        {
            node = new ListNode([node]);
        }

        Assert.NotEmpty(Fill(new ObjectNode([new("cmd", node)])).Problems);
    }

    private static void AssertTooMuch(string text, string match)
    {
        var values = Values with { Operations = Values.Operations.Add(new("big"), new OperationValues { Host = "", Results = Results(("text", [match])) }) };
        var template = new ObjectNode([new("cmd", new ListNode([.. Enumerable.Repeat(new TextNode(text), 40)]))]);

        var problem = Assert.Single(Literals.Fill(template, values, new OperationId("me"), "$.ops[1].args").Problems);

        Assert.Contains("more than 100000 values or 16777216 characters", problem.Message, StringComparison.Ordinal);
    }

    private static void AssertFilled(string template, string expected)
    {
        var filling = Fill(Tree.Object(template));

        Assert.Empty(filling.Problems);
        Assert.Equal(Tree.Json(Tree.Read(expected)), Tree.Json(filling.Arguments));
    }

    private static string Text(string text)
    {
        var filling = Fill(new ObjectNode([new("field", new TextNode(text))]));
        Assert.Empty(filling.Problems);
        return Assert.IsType<TextNode>(filling.Arguments?["field"]).Value;
    }

    private static Filling Fill(ObjectNode template) => Literals.Fill(template, Values, new OperationId("me"), "$.ops[1].args");

    private static ImmutableDictionary<string, string> Map(params (string Key, string Value)[] pairs) => pairs.ToImmutableDictionary(pair => pair.Key, pair => pair.Value);

    private static ImmutableDictionary<string, ResultValue> Results(params (string Key, ImmutableArray<string?> Matches)[] results) =>
        results.ToImmutableDictionary(result => result.Key, result => new ResultValue { Matches = result.Matches });
}
