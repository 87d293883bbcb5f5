using System.Text;
using System.Text.Json;
using Berth.Jobs.Definitions;
using CsCheck;
using Xunit;

namespace Berth.Tests.Jobs.Definitions;

public sealed class JobDefinitionReaderProperties
{
    private const string Yaml = """
        version: "0.1"
        type: container
        ops:
          - &op
            type: container/run
            id: a
            args: {image: "ubuntu:24.04", cmd: ["echo", 'b'], env: {A: "%%global.job%%"}, expose: [80, "90-91"]}
          - type: container/create-volume
            id: "v"
            args: {name: data}
        """;

    private static readonly Gen<char> JsonCharacter = Gen.OneOf(Any("{}[]\",:.\\/*%-+#&<>|!'?0123456789truefalsn \n\t".ToCharArray()), Gen.Char);

    private static readonly Gen<DocumentNode> Node = Gen.Recursive<DocumentNode>((depth, node) => depth > 4
        ? Leaf
        : Gen.Frequency(
            (3, Leaf!),
            (1, node.Array[0, 4].Select(items => (DocumentNode)new ListNode([.. items]))),
            (1, Gen.Select(Text!, node).Array[0, 4].Select(members => (DocumentNode)new ObjectNode(
                [.. members.DistinctBy(member => member.Item1).Select(member => new ObjectMember(member.Item1, member.Item2))])))));

    private static Gen<string> Text => Gen.String[Gen.Char.Where(character => character != '\0' && !char.IsSurrogate(character)), 0, 12];

    private static Gen<DocumentNode> Leaf => Gen.OneOf<DocumentNode>(
        Text.Select(text => (DocumentNode)new TextNode(text)),
        Gen.Double[-1e9, 1e9].Select(number => (DocumentNode)new NumberNode(JsonSerializer.Serialize(number))),
        Gen.Bool.Select(flag => (DocumentNode)new BooleanNode(flag)),
        Gen.Const((DocumentNode)new NullNode()));

    private static Gen<T> Any<T>(T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    [Fact]
    public void Whatever_the_bytes_are_there_is_an_answer() =>
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Enum<DocumentFormat>()).Sample((bytes, format) => IsAnswer(JobDefinitionReader.Read(bytes, format)), iter: 3000);

    [Fact]
    public void Whatever_is_done_to_a_definition_there_is_an_answer() =>
        Gen.Select(Gen.Enum<DocumentFormat>(), Gen.Int[0, 700], Gen.Int[0, 12], Gen.String[JsonCharacter, 0, 6]).Sample(
            (format, at, removed, inserted) =>
            {
                var text = format is DocumentFormat.Yaml ? Yaml : Sample.TwoOperations;
                at = Math.Min(at, text.Length);
                var changed = text[..at] + inserted + text[Math.Min(at + removed, text.Length)..];
                IsAnswer(JobDefinitionReader.Read(Encoding.UTF8.GetBytes(changed), format));
            },
            iter: 5000);

    [Fact]
    public void Any_tree_is_answered_wherever_it_stands_in_a_definition() =>
        Gen.Select(Node, Any([.. LanguageMembers.All.Keys.Order()]), Gen.Int[0, 20]).Sample(
            (node, shape, index) =>
            {
                var members = LanguageMembers.All[shape];
                var strange = new ObjectNode([new ObjectMember(members[index % members.Length], node)]);
                IsAnswer(JobDefinitionReader.Read(strange));
                IsAnswer(JobDefinitionReader.Read(Operation(strange)));
                var arguments = JobDefinitionReader.ReadArguments(strange, "$.ops[0].args");
                Assert.Equal(arguments.Arguments is null, arguments.Problems.Any(problem => problem.Severity is Severity.Error));
            },
            iter: 3000);

    [Fact]
    public void What_is_written_reads_as_what_it_was() =>
        Node.Sample(
            node =>
            {
                var written = JobDefinitionWriter.Write(node);
                Assert.True(Shape.Same(node, DocumentText.Read(written, DocumentFormat.Json).Root!));
                Assert.True(Shape.Same(node, DocumentText.Read(JobDefinitionWriter.Write(node, indented: false), DocumentFormat.Json).Root!));
            },
            iter: 2000);

    [Fact]
    public void Plain_JSON_is_accepted_exactly_when_the_platform_accepts_it() =>
        Gen.Select(Node, Gen.Int[0, 60], Gen.Int[0, 2], Gen.String[JsonCharacter, 0, 2]).Sample(
            (node, at, removed, inserted) =>
            {
                var text = Encoding.UTF8.GetString(JobDefinitionWriter.Write(node, indented: false));
                at = Math.Min(at, text.Length);
                var bytes = Encoding.UTF8.GetBytes(text[..at] + inserted + text[Math.Min(at + removed, text.Length)..]);
                Assert.Equal(PlatformAccepts(bytes), DocumentText.Read(bytes, DocumentFormat.Json).Root is not null);
            },
            iter: 5000);

    private static void IsAnswer(Reading reading)
    {
        Assert.Equal(reading.Definition is null, reading.Problems.Any(problem => problem.Severity is Severity.Error));
        Assert.All(reading.Problems, problem => Assert.StartsWith("$", problem.Path, StringComparison.Ordinal));
    }

    private static ObjectNode Operation(ObjectNode arguments) => new(
    [
        new("version", new TextNode("0.1")),
        new("type", new TextNode("container")),
        new("ops", new ListNode([new ObjectNode(
        [
            new("type", new TextNode("container/run")),
            new("id", new TextNode("a")),
            new("args", arguments),
        ])])),
    ]);

    private static bool PlatformAccepts(byte[] utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions
            {
                AllowTrailingCommas = true,
                CommentHandling = JsonCommentHandling.Skip,
                AllowDuplicateProperties = false,
            });
            return TextsAreSound(document.RootElement);
        }
        catch (Exception refused) when (refused is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private static bool TextsAreSound(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().All(member => !member.Name.Contains('\0') && TextsAreSound(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().All(TextsAreSound),
        JsonValueKind.String => !element.GetString()!.Contains('\0'),
        _ => true,
    };
}
