namespace Berth.Node.Work;

/// <summary>What is asked of a node over its socket.</summary>
public enum NodeAct
{
    /// <summary>Only its status.</summary>
    Status,

    /// <summary>To finish what it has and leave.</summary>
    Drain,

    /// <summary>To hand back what it has and leave.</summary>
    Stop,
}

/// <summary>One line to a node's socket; the answer is its <see cref="NodeStatus"/>.</summary>
public sealed record NodeWish(NodeAct Act);
