using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Planning;

/// <summary>In what order a definition runs: stages one after another, the operations of one stage side by side (job-language.md 3.2).</summary>
public sealed record RunPlan(ImmutableArray<Stage> Stages)
{
    /// <summary>The plan of a valid definition: groups in order of first appearance, an operation without a group a stage of its own.</summary>
    public static RunPlan For(JobDefinition definition) =>
        throw new NotImplementedException();
}

/// <summary>Operations that run side by side, each as soon as all it waits for is ready.</summary>
public sealed record Stage(string Name, ImmutableArray<PlannedOperation> Operations);

/// <summary>One operation with the operations of its stage that must be ready before it starts.</summary>
public sealed record PlannedOperation(Operation Operation, ImmutableArray<OperationId> WaitsFor)
{
    public OperationId Id => Operation.Id;
}
