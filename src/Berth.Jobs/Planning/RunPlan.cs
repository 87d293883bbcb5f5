using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Planning;

/// <summary>In what order a definition runs: stages one after another, the operations of one stage side by side (job-language.md 3.2).</summary>
public sealed record RunPlan(ImmutableArray<Stage> Stages)
{
    /// <summary>
    /// The plan of a valid definition: groups in order of first appearance, an operation without a group in the one that bears
    /// its id. Within a stage an operation stands behind all it waits for.
    /// </summary>
    /// <exception cref="ArgumentException">Operations wait for each other in a circle: no valid definition.</exception>
    public static RunPlan For(JobDefinition definition)
    {
        var order = StartOrder.Of(definition.Operations.Select(operation => (operation.Id, operation.Execution)));
        if (order.FindCycle() is [_, ..] cycle)
        {
            throw new ArgumentException($"Operations wait for each other: {string.Join(", ", cycle)}.", nameof(definition));
        }

        var operations = definition.Operations.ToDictionary(operation => operation.Id);
        return new RunPlan([.. order.Groups.Select(group => new Stage(group, [.. order.Sorted(group).Select(Plan)]))]);

        PlannedOperation Plan(OperationId id) => new(operations[id], order.WaitsFor(id)) { StopsWith = order.StopsWith(id) };
    }

    /// <summary>
    /// Operations that would wait for each other for ever, each for the next and the last for the first; empty when there are
    /// none. Counts the waiting that <c>stop_if_dependent_stops</c> turns around; ids must be unique.
    /// </summary>
    public static ImmutableArray<OperationId> FindCycle(IEnumerable<(OperationId Id, Execution Execution)> operations) =>
        StartOrder.Of(operations).FindCycle();
}

/// <summary>Operations that run side by side, each as soon as all it waits for is ready.</summary>
public sealed record Stage(string Name, ImmutableArray<PlannedOperation> Operations);

/// <summary>One operation with the operations of its stage that must be ready before it starts.</summary>
public sealed record PlannedOperation(Operation Operation, ImmutableArray<OperationId> WaitsFor)
{
    public OperationId Id => Operation.Id;

    /// <summary>The operations of its stage that it serves (<c>stop_if_dependent_stops</c>): when any of them ends, it is stopped.</summary>
    public ImmutableArray<OperationId> StopsWith { get; init; } = [];
}
