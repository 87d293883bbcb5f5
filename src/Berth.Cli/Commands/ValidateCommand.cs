using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Berth.Cli.Rendering;
using Berth.Jobs.Definitions;

namespace Berth.Cli.Commands;

/// <summary><c>berth validate</c>: says everything there is to say about a definition. 0 when it is valid, warnings or not; 2 when it is not.</summary>
internal static class ValidateCommand
{
    public static Command Make(Surroundings around)
    {
        var source = CommonOptions.Source();
        var format = CommonOptions.Format();
        var command = new Command("validate", "Check a job definition and say everything that is wrong with it.") { source, format };
        command.SetAction(async (parsed, ct) =>
            (int)await RunAsync(around, parsed.GetRequiredValue(source), parsed.GetValue(format) == OutputFormat.Json, ct));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Surroundings around, string source, bool asJson, CancellationToken ct)
    {
        var text = await DefinitionSource.FetchAsync(source, around.Time, ct);
        if (text.Fault is { } fault)
        {
            await around.Error.WriteLineAsync($"berth: {fault}");
            return text.FaultCode;
        }

        var reading = JobDefinitionReader.Read(text.Bytes, text.Format);
        if (asJson)
        {
            WriteJson(around.Output, reading);
        }
        else
        {
            ProblemPrinter.Print(around.Error, new Palette(around.IsErrorTerminal && around.HasColour), text.Name, reading.Problems);
            around.WriteLine(Verdict(text.Name, reading));
        }

        return reading.Definition is null ? ExitCode.WrongUse : ExitCode.Success;
    }

    private static string Verdict(string name, Reading reading)
    {
        var errors = Count(reading.Problems, Severity.Error, "error");
        var warnings = Count(reading.Problems, Severity.Warning, "warning");
        return reading.Definition is { } definition
            ? $"{name} is a valid job definition with {definition.Operations.Length} operation{(definition.Operations.Length == 1 ? "" : "s")}{(warnings is null ? "." : $" and {warnings}.")}"
            : $"{name} is not a valid job definition: {errors}{(warnings is null ? "" : $", {warnings}")}.";
    }

    private static string? Count(ImmutableArray<Problem> problems, Severity severity, string word) =>
        problems.Count(problem => problem.Severity == severity) switch { 0 => null, 1 => $"1 {word}", var many => $"{many} {word}s" };

    private static void WriteJson(Stream output, Reading reading)
    {
        using var json = new Utf8JsonWriter(output, CommonOptions.Indented);
        json.WriteStartObject();
        json.WriteBoolean("valid", reading.Definition is not null);
        json.WriteStartArray("problems");
        foreach (var problem in reading.Problems)
        {
            json.WriteStartObject();
            json.WriteString("severity", problem.Severity == Severity.Error ? "error" : "warning");
            json.WriteString("path", problem.Path);
            json.WriteNumber("line", problem.Position.Line);
            json.WriteNumber("column", problem.Position.Column);
            json.WriteString("message", problem.Message);
            WriteWhenThere(json, "found", problem.Found);
            WriteWhenThere(json, "expected", problem.Expected);
            WriteWhenThere(json, "suggestion", problem.Suggestion);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        output.WriteByte((byte)'\n');
    }

    private static void WriteWhenThere(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }
}
