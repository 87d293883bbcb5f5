using Berth.Jobs.Planning;

namespace Berth.Jobs.Definitions;

/// <summary>
/// Checks that the operations can be put in an order (job-language.md 1.15): ids are unique, and each dependency exists, is in the same
/// group, comes to pass and leads round no circle.
/// </summary>
internal sealed class PlanRules(IReadOnlyList<Operation> operations, Func<int, Form> formOf, ProblemList problems)
{
    private readonly Dictionary<OperationId, Operation> _byId = [];

    public void Check()
    {
        foreach (var operation in operations.Where(operation => operation.Id.Value.Length > 0))
        {
            if (!_byId.TryAdd(operation.Id, operation))
            {
                formOf(operation.Index).Refuse("id", $"Another operation has this id already: $.ops[{_byId[operation.Id].Index}].");
            }
        }

        foreach (var operation in _byId.Values)
        {
            foreach (var (node, path) in Dependencies(operation))
            {
                if (!problems.IsFull && node is TextNode { Value: var id } && Fault(operation, new OperationId(id)) is var (message, suggestion))
                {
                    problems.Error(path, node.Position, message, Form.Shown(node, path), suggestion: suggestion);
                }
            }
        }

        if (RunPlan.FindCycle(_byId.Values.Select(operation => (operation.Id, WithoutItself(operation)))) is [var first, ..] circle)
        {
            var form = formOf(_byId[first].Index);
            problems.Error(
                form.At("execution").Member("depends_on"),
                ((form["execution"] as ObjectNode)?["depends_on"] ?? form.Node).Position,
                $"These operations wait for each other, so none would ever start: {string.Join(" → ", circle.Append(first))}.");
        }
    }

    private static Execution WithoutItself(Operation operation) =>
        operation.Execution with { DependsOn = operation.Execution.DependsOn.Remove(operation.Id) };

    private IEnumerable<(DocumentNode Node, DocumentPath Path)> Dependencies(Operation operation) =>
        formOf(operation.Index) is var form && form["execution"] is ObjectNode execution && execution["depends_on"] is ListNode { Items.Length: <= JobDefinitionReader.MostEntries }
            ? new Form(execution, form.At("execution"), problems).List("depends_on")
            : [];

    private (string Message, string? Suggestion)? Fault(Operation operation, OperationId id)
    {
        if (id == operation.Id)
        {
            return ("An operation cannot depend on itself.", null);
        }

        if (!_byId.TryGetValue(id, out var dependency))
        {
            var near = NearName.Of(id.Value, _byId.Keys.Where(known => known != operation.Id).Select(known => known.Value));
            return ($"No operation has this id{NearName.Question(near)}", near);
        }

        var (own, other) = (operation.Execution.Group, dependency.Execution.Group);
        if (own != other)
        {
            var group = other ?? own;
            return ($"This operation is in another group ({Named(other)}, while '{operation.Id}' is in {Named(own)}), and dependencies stay within a group; give both the group '{group}'.", group);
        }

        return own is null && dependency.Index > operation.Index
            ? ("This operation comes later, so what depends on it could never start; put it first, or give both the same group.", null)
            : null;
    }

    private static string Named(string? group) => group is null ? "a stage of its own" : $"'{group}'";
}
