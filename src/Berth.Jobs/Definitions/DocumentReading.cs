using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>What reading a text as JSON or YAML gave: a tree when the notation was right, and what was wrong with it.</summary>
public sealed record DocumentReading(DocumentNode? Root, ImmutableArray<Problem> Problems);
