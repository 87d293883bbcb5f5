namespace Berth.Node.Work;

/// <summary>The node cannot or must not work as it was asked to; the message is a sentence for its operator.</summary>
public sealed class NodeRefusedException(string message) : Exception(message);
