using System.CommandLine;
using Berth.Jobs.Definitions;

namespace Berth.Cli.Commands;

/// <summary><c>berth schema</c>: prints the JSON Schema of job definitions, for editors and other programs.</summary>
internal static class SchemaCommand
{
    public static Command Make(Surroundings around)
    {
        var command = new Command("schema", "Print the JSON Schema (draft-07) of job definitions.") { CommonOptions.Format() };
        command.SetAction(_ => around.WriteLine(JobSchema.Text.TrimEnd()));
        return command;
    }
}
