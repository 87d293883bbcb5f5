using System.Collections.Immutable;
using Berth.Jobs.Placeholders;
using Berth.Jobs.Planning;
using Berth.Jobs.Results;
using Literals = Berth.Jobs.Placeholders.Placeholders;

namespace Berth.Jobs.Definitions;

/// <summary>
/// Checks every placeholder (job-language.md 1.12) against all that the definition itself can ever give it, and that what it waits for
/// has come to pass when the operation starts.
/// </summary>
internal sealed class LiteralRules(JobDefinition definition, Func<int, Form> formOf, ProblemList problems)
{
    private const string Later = "known later";

    private readonly PlaceholderValues _values = ValuesOf(definition);
    private readonly HashSet<OperationId> _ids = [.. definition.Operations.Select(operation => operation.Id)];
    private readonly Dictionary<OperationId, (int Stage, PlannedOperation Operation)> _plan = RunPlan.For(definition).Stages
        .SelectMany((stage, index) => stage.Operations.Select(operation => (index, operation)))
        .ToDictionary(planned => planned.operation.Id);

    private readonly HashSet<string> _used = [];
    private readonly HashSet<(TextPosition, string)> _told = [];

    public void Check()
    {
        foreach (var operation in definition.Operations)
        {
            Walk(operation, operation.Template, formOf(operation.Index).At("args"));
        }

        if (definition.Document["global"] is not ObjectNode global || global["variables"] is not ObjectNode variables)
        {
            return;
        }

        foreach (var member in variables.Members.Where(member => !_used.Contains(member.Name)))
        {
            var path = DocumentPath.Root.Member("global").Member("variables").Member(member.Name);
            problems.Warning(path, member.NamePosition, $"No operation uses this variable; it is written %%global.variables.{member.Name}%% where it is wanted.");
        }
    }

    private void Walk(Operation operation, DocumentNode node, DocumentPath path)
    {
        switch (node)
        {
            case ObjectNode { Members: var members }:
                foreach (var member in members)
                {
                    Walk(operation, member.Value, path.Member(member.Name));
                }

                break;
            case ListNode { Items: var items }:
                for (var i = 0; i < items.Length; i++)
                {
                    Walk(operation, items[i], path.Item(i));
                }

                break;
            case TextNode { Value: var text }:
                foreach (var placeholder in Literals.Find(text, _ids))
                {
                    Check(operation, placeholder, path, node.Position);
                }

                break;
        }
    }

    private void Check(Operation operation, Placeholder placeholder, DocumentPath path, TextPosition position)
    {
        if (placeholder is { Kind: PlaceholderKind.Variable, Key: { } variable })
        {
            _used.Add(variable);
        }

        if (problems.IsFull || !_told.Add((position, placeholder.Text)))
        {
            return;
        }

        var literal = placeholder.Text;
        if (!IsOpenEndpoint(placeholder) && PlaceholderResolver.Resolve(placeholder, _values) is Unresolved never)
        {
            problems.Error(path, position, $"{literal} can never be filled: {never.Why}{NearName.Question(never.Suggestion)}", literal, suggestion: never.Suggestion);
        }
        else if (placeholder is { Member: "container_ip" or "results", Operation: { } named })
        {
            CheckTime(operation.Id, named, isAddress: placeholder.Member == "container_ip", literal, path, position);
        }
    }

    private void CheckTime(OperationId operation, OperationId named, bool isAddress, string literal, DocumentPath path, TextPosition position)
    {
        var reason = isAddress ? "it has no address before it runs" : "it has no results before it ended";
        var (own, other) = (_plan[operation], _plan[named]);
        if (operation == named)
        {
            problems.Error(path, position, $"{literal} can never be filled: it names the operation itself, and {reason}.", literal);
        }
        else if (own.Stage < other.Stage)
        {
            problems.Error(path, position, $"{literal} can never be filled: '{named}' runs later, and {reason}.", literal);
        }
        else if (own.Stage == other.Stage && !(isAddress && own.Operation.WaitsFor.Contains(named)))
        {
            problems.Warning(path, position, $"{literal} may not be filled in time: '{named}' runs in the same group, and {reason}.", literal);
        }
    }

    /// <summary>Whether it names a port of an operation whose ports are only known when it starts.</summary>
    private bool IsOpenEndpoint(Placeholder placeholder) =>
        placeholder is { Member: "endpoint", Key.Length: > 0, Operation: { } named }
        && _plan.TryGetValue(named, out var planned)
        && planned.Operation.Operation.Template["expose"] is { } expose
        && Marker.StandsIn(expose);

    /// <summary>Everything that will have a value at some time in the run.</summary>
    private static PlaceholderValues ValuesOf(JobDefinition definition) => new()
    {
        Job = new JobId(Later),
        Host = Later,
        Project = Later,
        IngressDomain = Later,
        Version = Later,
        Variables = definition.Global.Variables.ToImmutableDictionary(),
        Operations = definition.Operations.ToImmutableDictionary(operation => operation.Id, operation => ValuesOf(operation, definition.DeploymentId)),
    };

    private static OperationValues ValuesOf(Operation operation, string? deployment) => new()
    {
        Host = Later,
        ContainerAddress = operation is RunContainer ? Later : null,
        DeploymentEndpoint = deployment,
        Endpoints = (operation as RunContainer)?.Arguments.Exposures.ToImmutableDictionary(exposure => exposure.Port, _ => Later) ?? ImmutableDictionary<string, string>.Empty,
        Results = operation.Results.ToImmutableDictionary(result => result.Key, _ => new ResultValue()),
    };
}
