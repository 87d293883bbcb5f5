using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Commands;

/// <summary>The argument vector of a container from the <c>cmd</c> a person wrote, in either generation of the language (job-language.md 2.3).</summary>
public static class CommandLine
{
    /// <summary>The vector handed to the engine, or null for the image's own command.</summary>
    public static ImmutableArray<string>? For(CommandForm command, bool hasEntrypoint) =>
        throw new NotImplementedException();
}
