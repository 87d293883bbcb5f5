using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>What reading a text gave: a definition when there was no error, and everything there is to say about the text.</summary>
public sealed record Reading(JobDefinition? Definition, ImmutableArray<Problem> Problems);

/// <summary>What reading a resource that stands alone gave.</summary>
public sealed record ResourceReading(Resource? Resource, ImmutableArray<Problem> Problems);

/// <summary>What reading one operation's filled arguments gave.</summary>
public sealed record ArgumentsReading(ContainerArguments? Arguments, ImmutableArray<Problem> Problems);
