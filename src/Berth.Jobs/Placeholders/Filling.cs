using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>The arguments with every placeholder filled and every marker expanded, or what could not be.</summary>
public sealed record Filling(ObjectNode? Arguments, ImmutableArray<Problem> Problems);
