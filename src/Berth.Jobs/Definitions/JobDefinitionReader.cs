using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>
/// Makes job definitions of text, and nothing else does. A reading tells every problem at once, each with its place; whatever the bytes are,
/// there is an answer and never an exception.
/// </summary>
public static class JobDefinitionReader
{
    /// <summary>The most operations a definition may have.</summary>
    public const int MostOperations = 256;

    /// <summary>The most volumes, ports, checks, resources, results or dependencies that one operation may have of each.</summary>
    public const int MostEntries = 256;

    /// <summary>The most environment variables, headers or global variables in one place.</summary>
    public const int MostVariables = 4096;

    private static readonly ImmutableArray<string> Types = ["container"];
    private static readonly ImmutableArray<string> LogisticsTypes = ["api", "api-listen"];

    public static Reading Read(ReadOnlyMemory<byte> utf8, DocumentFormat format = DocumentFormat.Json)
    {
        // 1. Text becomes a tree.
        var document = DocumentText.Read(utf8, format);
        return document.Root is { } root ? Read(root) : new Reading(null, document.Problems);
    }

    /// <summary>Reads a document that is a tree already.</summary>
    public static Reading Read(DocumentNode root)
    {
        var problems = new ProblemList();
        if (Form.ObjectOf(root, DocumentPath.Root, problems) is not { } form)
        {
            return new Reading(null, problems.ToImmutable());
        }

        // 2. The tree becomes a definition, member by member.
        form.Knows(LanguageMembers.Definition);
        form.Text("$schema");
        var global = form.Object("global");
        var operations = Operations(form, global?.Node, problems);
        var definition = new JobDefinition
        {
            Version = Version(form),
            Meta = Meta(form),
            Global = global is null ? GlobalDefaults.None : Global(global, problems),
            Operations = [.. operations.OfType<Operation>()],
            Logistics = Logistics(form),
            DeploymentId = form.Text("deployment_id"),
            SshPublicKeys = SshKeys(form, problems),
            Document = form.Node,
        };
        form.Required("type", "container");
        form.Word("type", Types);

        // 3. What the members say together must make sense: the plan, the placeholders.
        Func<int, Form> formOf = index => OperationForm(form, index, problems);
        new PlanRules(definition.Operations, formOf, problems).Check();
        if (!problems.HasErrors && SecretReferences.In(definition).DistinctBy(secret => secret.Name).ElementAtOrDefault(SecretReference.MostNames) is { } tooMany)
        {
            problems.Error(DocumentPath.Of(tooMany.Path), tooMany.Position, $"A definition names at most {SecretReference.MostNames} secrets; this one is too many.", tooMany.Name);
        }

        if (!problems.HasErrors)
        {
            new LiteralRules(definition, formOf, problems).Check();
            new Lints(definition, formOf, problems).Check();
        }

        return new Reading(problems.HasErrors ? null : definition, problems.ToImmutable());
    }

    /// <summary>
    /// Reads the arguments of one <c>container/run</c> after they were filled, right before it starts: no literal has meaning and no marker may be
    /// left. <paramref name="path"/> is where they stand in the definition, such as <c>$.ops[0].args</c>.
    /// </summary>
    public static ArgumentsReading ReadArguments(ObjectNode filled, string path)
    {
        var problems = new ProblemList();
        var form = new Form(filled, DocumentPath.Of(path), problems);
        CheckTexts(filled, form.Path, problems);
        var arguments = new ArgumentsReader(problems, isFilled: true).Read(form, imageRequired: true);
        return new ArgumentsReading(problems.HasErrors ? null : arguments, problems.ToImmutable());
    }

    /// <summary>Reads a resource that stands alone, for a machine and not for a container: it needs no target.</summary>
    public static ResourceReading ReadResource(ReadOnlyMemory<byte> utf8)
    {
        var (root, faults) = DocumentText.Read(utf8, DocumentFormat.Json);
        if (root is not ObjectNode resource)
        {
            return new ResourceReading(null, faults.IsEmpty ? [new Problem { Severity = Severity.Error, Path = "$", Position = new TextPosition(1, 1), Message = "A resource is an object, such as { \"type\": \"HF\", \"repo\": \"owner/name\" }." }] : faults);
        }

        var problems = new ProblemList();
        var placed = resource["target"] is null ? resource with { Members = resource.Members.Add(new ObjectMember("target", new TextNode("/resource"))) } : resource;
        var form = new Form(placed, DocumentPath.Root, problems);
        CheckTexts(placed, form.Path, problems);
        var read = new ResourceReader(new ArgumentsReader(problems, isFilled: true), problems).ReadOne(form);
        return new ResourceReading(problems.HasErrors ? null : read, problems.ToImmutable());
    }

    private static Form OperationForm(Form form, int index, ProblemList problems) =>
        new((ObjectNode)((ListNode)form["ops"]!).Items[index], form.At("ops").Item(index), problems);

    private static string Version(Form form)
    {
        var version = form.RequiredText("version") ?? "";
        if (version is not ("0.1" or "") && form["version"] is TextNode)
        {
            form.Warn("version", "The only version of the job language is \"0.1\"; the document is read as that.", "0.1");
        }

        return version;
    }

    private static Meta Meta(Form form)
    {
        if (form.Object("meta") is not { } meta)
        {
            return new Meta(null, null);
        }

        var name = meta.Has("system_requirements") ? "system_requirements" : "system_resources";
        if (meta[name] is not (null or ObjectNode))
        {
            meta.Warn(name, $"'{name}' is no object, so nobody reads it.");
        }

        return new Meta(meta.Text("trigger"), meta[name] as ObjectNode);
    }

    private static GlobalDefaults Global(Form form, ProblemList problems)
    {
        form.Knows(LanguageMembers.Global);
        var reader = new ArgumentsReader(problems, isFilled: false);
        return new GlobalDefaults
        {
            Image = reader.Image(form, required: false),
            Gpu = form.Flag("gpu"),
            Entrypoint = reader.Entrypoint(form),
            WorkDir = reader.WorkDir(form),
            Env = reader.Env(form, "env", markersAllowed: false),
            Variables = form.Map("variables", (value, path) => Form.TextOf(value, path, problems)),
        };
    }

    private static List<Operation?> Operations(Form form, ObjectNode? global, ProblemList problems)
    {
        form.Required("ops", "a list of operations");
        var operations = new List<Operation?>();
        var reader = new OperationReader(problems, global);
        foreach (var (node, path) in form.List("ops"))
        {
            if (operations.Count == MostOperations)
            {
                problems.Error(form.At("ops"), node.Position, $"A definition has at most {MostOperations} operations; this one is too many.");
                break;
            }

            operations.Add(Form.ObjectOf(node, path, problems) is { } operation ? reader.Read(operation, operations.Count) : null);
        }

        return operations;
    }

    private static Logistics? Logistics(Form form) =>
        form.Object("logistics")?.Knows(LanguageMembers.Logistics) is { } logistics
            ? new Logistics(Leg(logistics, "send"), Leg(logistics, "receive"))
            : null;

    private static LogisticsLeg? Leg(Form logistics, string name)
    {
        if (logistics.Object(name)?.Knows(LanguageMembers.LogisticsLeg) is not { } leg)
        {
            return null;
        }

        leg.Required("type", $"one of {string.Join(", ", LogisticsTypes)}");
        return new LogisticsLeg(
            leg.Word("type", LogisticsTypes) ?? "",
            leg.Object("args")?.Knows(LanguageMembers.LogisticsArguments).Text("endpoint"));
    }

    private static ImmutableArray<string> SshKeys(Form form, ProblemList problems) =>
        form.Object("ssh")?.Knows(LanguageMembers.Ssh) is { } ssh
            ? [.. ssh.List("public_keys").Select(key => Form.TextOf(key.Node, key.Path, problems)).OfType<string>()]
            : [];

    private static void CheckTexts(DocumentNode node, DocumentPath path, ProblemList problems)
    {
        switch (node)
        {
            case ObjectNode { Members: var members }:
                foreach (var member in members)
                {
                    CheckTexts(member.Value, path.Member(member.Name), problems);
                }

                break;
            case ListNode { Items: var items }:
                for (var i = 0; i < items.Length; i++)
                {
                    CheckTexts(items[i], path.Item(i), problems);
                }

                break;
            case TextNode { Value: var text }:
                TextRules.Check(text, path, node.Position, problems);
                break;
        }
    }
}
