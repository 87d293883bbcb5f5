using System.Globalization;
using System.Text;
using System.Text.Json;
using Berth.Cli.Commands;
using Berth.Jobs.Commands;
using Berth.Jobs.Definitions;
using Berth.Jobs.Planning;

namespace Berth.Cli.Rendering;

/// <summary>Shows a plan: to people as an outline, to programs as JSON. Values of the environment are not shown, they may be secrets.</summary>
internal static class PlanPrinter
{
    public static string Text(RunPlan plan, Palette palette)
    {
        var text = new StringBuilder();
        if (plan.Stages.IsEmpty)
        {
            text.AppendLine("Nothing to run: the definition has no operations.");
        }

        foreach (var (number, stage) in plan.Stages.Index())
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{palette.Strong($"Stage {number + 1} · {stage.Name}")}");
            foreach (var planned in stage.Operations)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"  {palette.Operation(planned.Operation.Index, planned.Id.Value)}  {Kind(planned.Operation)}");
                foreach (var (name, value) in Facts(planned))
                {
                    text.AppendLine(CultureInfo.InvariantCulture, $"    {palette.Quiet(name.PadRight(10))} {value}");
                }
            }
        }

        return text.ToString();
    }

    public static void WriteJson(Stream output, RunPlan plan)
    {
        using var json = new Utf8JsonWriter(output, CommonOptions.Indented);
        json.WriteStartObject();
        json.WriteStartArray("stages");
        foreach (var stage in plan.Stages)
        {
            json.WriteStartObject();
            json.WriteString("name", stage.Name);
            json.WriteStartArray("operations");
            foreach (var planned in stage.Operations)
            {
                WriteOperation(json, planned);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        output.WriteByte((byte)'\n');
    }

    private static void WriteOperation(Utf8JsonWriter json, PlannedOperation planned)
    {
        json.WriteStartObject();
        json.WriteString("id", planned.Id.Value);
        json.WriteString("type", planned.Operation is RunContainer ? "container/run" : "container/create-volume");
        WriteList(json, "waitsFor", planned.WaitsFor.Select(id => id.Value));
        WriteList(json, "stopsWith", planned.StopsWith.Select(id => id.Value));
        if (planned.Operation is CreateVolume volume)
        {
            json.WriteString("volume", volume.Name);
        }

        if (planned.Operation is RunContainer { Arguments: var arguments } container)
        {
            json.WriteString("image", arguments.Image);
            WriteList(json, "entrypoint", arguments.Entrypoint);
            WriteList(json, "command", CommandOf(arguments));
            json.WriteString("workDir", arguments.WorkDir);
            json.WriteBoolean("gpu", arguments.Gpu);
            WriteList(json, "env", arguments.Env.Select(pair => pair.Key));
            WriteList(json, "volumes", arguments.Volumes.Select(mount => $"{mount.Name}:{mount.Destination}"));
            WriteList(json, "ports", arguments.Exposures.Select(exposure => exposure.Port));
            WriteList(json, "aliases", arguments.Aliases);
            json.WriteString("output", arguments.Output);
            WriteList(json, "results", container.Results.Select(result => result.Key));
            json.WriteBoolean("hasPlaceholders", container.HasPlaceholders);
        }

        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, string name, IEnumerable<string>? values)
    {
        if (values is null)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }

    private static System.Collections.Immutable.ImmutableArray<string>? CommandOf(ContainerArguments arguments) =>
        CommandLine.For(arguments.Command, arguments.Entrypoint);

    private static string Kind(Operation operation) => operation switch
    {
        RunContainer => "runs a container",
        CreateVolume volume => $"creates the volume {volume.Name}",
        _ => throw new System.Diagnostics.UnreachableException($"No words for {operation.GetType().Name}."),
    };

    private static IEnumerable<(string Name, string Value)> Facts(PlannedOperation planned)
    {
        if (!planned.WaitsFor.IsEmpty)
        {
            yield return ("waits for", string.Join(", ", planned.WaitsFor));
        }

        if (!planned.StopsWith.IsEmpty)
        {
            yield return ("stops with", string.Join(", ", planned.StopsWith));
        }

        if (planned.Operation is not RunContainer { Arguments: var arguments } container)
        {
            yield break;
        }

        yield return ("image", arguments.Image + (arguments.Login is null ? "" : " (with a login)"));
        if (arguments.Entrypoint is { } entrypoint)
        {
            yield return ("entrypoint", Argv(entrypoint));
        }

        yield return ("command", CommandOf(arguments) is { } command ? Argv(command) : "the image's own");
        if (arguments.WorkDir is { } workDir)
        {
            yield return ("work dir", workDir);
        }

        if (arguments.Gpu)
        {
            yield return ("gpu", "all this machine offers");
        }

        if (!arguments.Env.IsEmpty)
        {
            yield return ("env", string.Join(", ", arguments.Env.Select(pair => pair.Key)));
        }

        foreach (var mount in arguments.Volumes)
        {
            yield return ("mounts", $"{mount.Name} at {mount.Destination}");
        }

        foreach (var exposure in arguments.Exposures)
        {
            yield return ("exposes", exposure.Port + (exposure.HealthChecks.IsEmpty ? "" : $", {exposure.HealthChecks.Length} health check{(exposure.HealthChecks.Length == 1 ? "" : "s")}"));
        }

        if (!arguments.Resources.IsEmpty)
        {
            yield return ("fetches", string.Join(", ", arguments.Resources.Select(resource => $"{resource.Type} to {resource.Target ?? "its usual place"}")));
        }

        if (arguments.Restart.When != RestartWhen.Never)
        {
            yield return ("restarts", $"{arguments.Restart.When switch { RestartWhen.OnFailure => "on failure", RestartWhen.Always => "always", _ => "unless stopped" }}{(arguments.Restart.Tries is { } tries ? $", at most {tries} times" : "")}");
        }

        if (container.Execution.Timeout is { } timeout)
        {
            yield return ("timeout", Durations.Words(timeout));
        }

        if (!container.Results.IsEmpty)
        {
            yield return ("results", string.Join(", ", container.Results.Select(result => result.Key)));
        }

        if (arguments.Output is { } output)
        {
            yield return ("output", output);
        }

        if (container.HasPlaceholders)
        {
            yield return ("", "has placeholders, filled right before it starts");
        }
    }

    private static string Argv(IEnumerable<string> words) =>
        string.Join(' ', words.Select(word => word.Length > 0 && word.All(character => char.IsAsciiLetterOrDigit(character) || "-_./:=@%+,".Contains(character, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'"));
}
