using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Berth.Jobs.Commands;
using Berth.Jobs.Results;

namespace Berth.Jobs.Definitions;

/// <summary>Warns of what is allowed but probably not meant.</summary>
internal sealed partial class Lints(JobDefinition definition, Func<int, Form> formOf, ProblemList problems)
{
    private const string Join = "what follows become its $0, $1 and so on. Join the rest into one text, or write cmd as one text.";

    private static readonly TimeSpan PatternLimit = TimeSpan.FromMilliseconds(100);
    private static readonly ImmutableArray<string> Idle = ["trusted_execution_env", "required_vram"];
    private static readonly ImmutableArray<string> IdleAtTop = ["deployment_id", "ssh"];

    public void Check()
    {
        var top = new Form(definition.Document, DocumentPath.Root, problems);
        foreach (var name in IdleAtTop.Where(top.Has))
        {
            WarnIdle(top, name);
        }

        if (definition.Logistics is { Send.Endpoint: not null } or { Receive.Endpoint: not null })
        {
            top.Warn("logistics", "Nobody is asked at an 'endpoint': the job is confidential, and definition and result travel sealed through the market, for its poster to fetch at any time.");
        }

        if (definition.Operations.IsEmpty && definition.Logistics is null)
        {
            top.Warn("ops", "There is no operation, so this job does nothing.");
        }

        CheckNames();
        var volumes = definition.Operations.OfType<CreateVolume>().Select(volume => volume.Name).ToHashSet(StringComparer.Ordinal);
        var images = new HashSet<string>(StringComparer.Ordinal);
        foreach (var operation in definition.Operations)
        {
            var form = formOf(operation.Index);
            CheckResults(operation, form);
            if (operation is RunContainer run && form.Object("args") is { } args)
            {
                CheckImage(run, args, images);
                CheckCommand(run.Arguments, args);
                CheckVolumes(run.Arguments, args, volumes);
                CheckIdle(run.Arguments, args);
            }
        }
    }

    private static void WarnIdle(Form form, string name) => form.Warn(name, $"'{name}' is read and kept; nothing acts on it yet.");

    /// <summary>Operations reach each other by their ids; host names are compared without case, so ids that differ only in it are one.</summary>
    private void CheckNames()
    {
        if (definition.Operations.OfType<RunContainer>().Count() > 1)
        {
            foreach (var operation in definition.Operations.Where(operation => operation is RunContainer && !DnsLabel.IsMatch(operation.Id.Value)))
            {
                formOf(operation.Index).Warn("id", "This id is no DNS label (letters, digits and '-', 63 at most), so other operations may not be able to reach this one by it.");
            }
        }

        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var operation in definition.Operations.Where(operation => !names.Add(operation.Id.Value)))
        {
            formOf(operation.Index).Warn("id", "Another id differs from this one only in upper and lower case; on the network they are one name.");
        }
    }

    private static void CheckResults(Operation operation, Form form)
    {
        if (form.Object("results") is not { } results)
        {
            return;
        }

        if (operation is CreateVolume)
        {
            form.Warn("results", "Creating a volume writes no log, so there will be no results.");
        }

        foreach (var result in operation.Results)
        {
            if (EcmaScriptPattern.Parse(result.Pattern, PatternLimit).Error is { } error)
            {
                results.Warn(result.Key, $"This pattern cannot be used, so the result will be this text: {error}");
            }
        }
    }

    private void CheckImage(RunContainer run, Form args, HashSet<string> images)
    {
        var image = run.Arguments.Image;
        if (Marker.HasPlaceholder(image) || !ImageReference.Moves(image) || !images.Add(image))
        {
            return;
        }

        var (path, position) = args["image"] is { } own
            ? (args.At("image"), own.Position)
            : (DocumentPath.Root.Member("global").Member("image"), run.Template["image"]?.Position ?? args.Node.Position);
        problems.Warning(
            path,
            position,
            $"'{image}' names no version: tomorrow it may be another image, and a node that has one does not look for a newer.",
            image);
    }

    private static void CheckCommand(ContainerArguments arguments, Form args)
    {
        if (CommandLine.AwaitsScript(arguments.Entrypoint))
        {
            CheckScript(arguments.Command, args);
        }
        else if (arguments.Command is CommandList { Elements: var elements }
            && (ImmutableArray<string>)[.. arguments.Entrypoint ?? [], .. elements] is [var shell, var option, var script, _, ..]
            && CommandLine.AwaitsScript([shell, option])
            && CommandLine.IsShell(shell)
            && !IsSplitOnPurpose(script))
        {
            args.Warn("cmd", $"The shell runs only the first text after '{option}'; {Join}");
        }
    }

    /// <summary>What stands behind an entrypoint such as <c>["sh", "-c"]</c>, where a list is not split and the first text is all of the script.</summary>
    private static void CheckScript(CommandForm command, Form args)
    {
        switch (command)
        {
            case CommandText:
                args.Warn("cmd", "A text is run by '/bin/sh -c', and this entrypoint takes that for its script; write cmd as a list of the one text, or leave the entrypoint out.");
                break;
            case CommandList { Elements: [var first, _, ..] } when CommandLine.AwaitsScript(ShellWords.Split(first)):
                args.Warn("cmd", $"Behind this entrypoint the list is taken as it stands, and '{first.Trim()}' would be all that runs; leave it out, or the entrypoint.");
                break;
            case CommandList { Elements: [var script, _, ..] } when !IsSplitOnPurpose(script):
                args.Warn("cmd", $"Behind this entrypoint only the first text is run; {Join}");
                break;
        }
    }

    private static bool IsSplitOnPurpose(string script) => Positional.IsMatch(script) || Marker.HasPlaceholder(script);

    private void CheckVolumes(ContainerArguments arguments, Form args, HashSet<string> volumes)
    {
        foreach (var (node, path) in args.List("volumes").Where(element => element.Node is ObjectNode && !Marker.IsMarker(element.Node)))
        {
            var mount = new Form((ObjectNode)node, path, problems);
            if (mount.Text("name") is { } name && !Marker.HasPlaceholder(name) && !volumes.Contains(name))
            {
                var near = NearName.Of(name, volumes);
                var otherwise = near is null ? "; it will be made when it is first mounted." : NearName.Question(near);
                mount.Warn("name", $"No operation creates this volume{otherwise}", near);
            }
        }

        foreach (var mount in arguments.Volumes.Where(mount => arguments.Resources.Any(resource => resource.Target?.TrimEnd('/') == mount.Destination.TrimEnd('/'))))
        {
            args.Warn("volumes", $"A resource has its target at {mount.Destination} too, where a volume is mounted.");
        }
    }

    private static void CheckIdle(ContainerArguments arguments, Form args)
    {
        foreach (var name in Idle.Where(args.Has))
        {
            WarnIdle(args, name);
        }

        if (arguments.Private && !args.Has("expose"))
        {
            args.Warn("private", "This has no effect without 'expose'.");
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\z")]
    private static partial Regex DnsLabel { get; }

    [GeneratedRegex(@"\$(?:[0-9@*#]|\{[0-9@*#])")]
    private static partial Regex Positional { get; }
}
