using System.CommandLine;
using Berth.Cli.Rendering;
using Berth.Jobs.Planning;

namespace Berth.Cli.Commands;

/// <summary><c>berth plan</c>: what a run would do, without an engine and without doing it.</summary>
internal static class PlanCommand
{
    public static Command Make(Surroundings around)
    {
        var source = CommonOptions.Source();
        var format = CommonOptions.Format();
        var command = new Command("plan", "Show what a run would do: stages, final command lines, images, ports, volumes.") { source, format };
        command.SetAction(async (parsed, ct) =>
            (int)await RunAsync(around, parsed.GetRequiredValue(source), parsed.GetValue(format) == OutputFormat.Json, ct));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Surroundings around, string source, bool asJson, CancellationToken ct)
    {
        var (definition, fault) = await DefinitionArgument.ReadAsync(around, source, showWarnings: !asJson, ct);
        if (definition is null)
        {
            return fault;
        }

        var plan = RunPlan.For(definition);
        if (asJson)
        {
            PlanPrinter.WriteJson(around.Output, plan);
        }
        else
        {
            around.Write(PlanPrinter.Text(plan, new Palette(around.IsOutputTerminal && around.HasColour)));
        }

        return ExitCode.Success;
    }
}
