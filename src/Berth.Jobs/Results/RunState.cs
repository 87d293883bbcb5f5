namespace Berth.Jobs.Results;

/// <summary>A run as its events tell it: the fold that node, market and browser share.</summary>
public sealed record RunState;
