using System.Collections.Immutable;

namespace Berth.Protocol;

/// <summary>One page of a list, newest first where order is time. <paramref name="Next"/> is the cursor to ask with for what follows; null at the end.</summary>
public sealed record Page<T>(ImmutableArray<T> Items, string? Next);
