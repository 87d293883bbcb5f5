using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Planning;

/// <summary>
/// Who waits for whom inside the groups of a definition. An operation waits for what it depends on; one with
/// <c>stop_if_dependent_stops</c> serves what it lists instead, and those wait for it. Ties between groups do not count: the
/// groups' own order is all there is between them.
/// </summary>
internal sealed class StartOrder
{
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<OperationId, Node> _byId = [];
    private readonly ILookup<string, Node> _byGroup;

    private StartOrder(IEnumerable<(OperationId Id, Execution Execution)> operations)
    {
        foreach (var (id, execution) in operations)
        {
            var node = new Node(_nodes.Count, id, execution.Group ?? id.Value, execution);
            _nodes.Add(node);
            _byId.TryAdd(id, node);
        }

        foreach (var node in _nodes)
        {
            foreach (var listed in node.Execution.DependsOn.Distinct())
            {
                if (_byId.TryGetValue(listed, out var other) && other.Group == node.Group)
                {
                    Tie(node, other);
                }
            }
        }

        _byGroup = _nodes.ToLookup(node => node.Group);
    }

    /// <summary>In order of first appearance.</summary>
    public IEnumerable<string> Groups => _byGroup.Select(group => group.Key);

    public static StartOrder Of(IEnumerable<(OperationId Id, Execution Execution)> operations) => new(operations);

    public ImmutableArray<OperationId> WaitsFor(OperationId id) => [.. _byId[id].Before.Select(node => node.Id)];

    public ImmutableArray<OperationId> StopsWith(OperationId id) => [.. _byId[id].Served.Select(node => node.Id)];

    /// <summary>The group's operations, each behind all it waits for and otherwise as the document has them.</summary>
    public IEnumerable<OperationId> Sorted(string group)
    {
        var members = _byGroup[group];
        var missing = members.ToDictionary(node => node, node => node.Before.Count);
        var free = new PriorityQueue<Node, int>(members.Where(node => missing[node] == 0).Select(node => (node, node.Index)));
        while (free.TryDequeue(out var node, out _))
        {
            yield return node.Id;
            foreach (var waiting in node.After.Where(waiting => --missing[waiting] == 0))
            {
                free.Enqueue(waiting, waiting.Index);
            }
        }
    }

    /// <summary>The first cycle, each member waiting for the next; walked without recursion, since chains may be long.</summary>
    public ImmutableArray<OperationId> FindCycle()
    {
        var done = new HashSet<Node>();
        foreach (var start in _nodes)
        {
            var path = new List<Node>();
            var onPath = new HashSet<Node>();
            var next = new Stack<IEnumerator<Node>>();
            Enter(start);
            while (next.TryPeek(out var candidates))
            {
                if (!candidates.MoveNext())
                {
                    next.Pop();
                    done.Add(path[^1]);
                    onPath.Remove(path[^1]);
                    path.RemoveAt(path.Count - 1);
                }
                else if (onPath.Contains(candidates.Current))
                {
                    return [.. path.SkipWhile(node => node != candidates.Current).Select(node => node.Id)];
                }
                else
                {
                    Enter(candidates.Current);
                }
            }

            void Enter(Node node)
            {
                if (!done.Contains(node))
                {
                    path.Add(node);
                    onPath.Add(node);
                    next.Push(node.Before.GetEnumerator());
                }
            }
        }

        return [];
    }

    private static void Tie(Node node, Node listed)
    {
        var (first, second) = node.Execution.StopIfDependentStops ? (node, listed) : (listed, node);
        if (!second.Before.Contains(first))
        {
            second.Before.Add(first);
            first.After.Add(second);
        }

        if (node.Execution.StopIfDependentStops)
        {
            node.Served.Add(listed);
        }
    }

    private sealed class Node(int index, OperationId id, string group, Execution execution)
    {
        public int Index => index;

        public OperationId Id => id;

        public string Group => group;

        public Execution Execution => execution;

        public List<Node> Before { get; } = [];

        public List<Node> After { get; } = [];

        public List<Node> Served { get; } = [];
    }
}
