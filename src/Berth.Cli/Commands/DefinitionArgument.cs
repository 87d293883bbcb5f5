using Berth.Cli.Rendering;
using Berth.Jobs.Definitions;

namespace Berth.Cli.Commands;

/// <summary>Reads the definition a command was pointed at and tells on standard error what is wrong with it.</summary>
internal static class DefinitionArgument
{
    /// <summary>The definition, or null and the exit code when there is none to go on with.</summary>
    public static async Task<(JobDefinition? Definition, ExitCode Fault)> ReadAsync(Surroundings around, string source, bool showWarnings, CancellationToken ct)
    {
        var (_, definition, fault) = await ReadTextAsync(around, source, showWarnings, ct);
        return (definition, fault);
    }

    /// <summary>The same with the text it was read from.</summary>
    public static async Task<(DefinitionText Text, JobDefinition? Definition, ExitCode Fault)> ReadTextAsync(Surroundings around, string source, bool showWarnings, CancellationToken ct)
    {
        var text = await DefinitionSource.FetchAsync(source, around.Time, ct);
        if (text.Fault is { } fault)
        {
            await around.Error.WriteLineAsync($"berth: {fault}");
            return (text, null, text.FaultCode);
        }

        var reading = JobDefinitionReader.Read(text.Bytes, text.Format);
        if (reading.Definition is null || showWarnings)
        {
            ProblemPrinter.Print(around.Error, new Palette(around.IsErrorTerminal && around.HasColour), text.Name, reading.Problems);
        }

        if (reading.Definition is null)
        {
            await around.Error.WriteLineAsync($"berth: {text.Name} is not a valid job definition; nothing was run.");
        }

        return (text, reading.Definition, ExitCode.WrongUse);
    }
}
