using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Berth.Jobs.Results;

namespace Berth.Jobs.Definitions;

/// <summary>Warns of what is allowed but probably not meant.</summary>
internal sealed partial class Lints(JobDefinition definition, Func<int, Form> formOf, ProblemList problems)
{
    private static readonly TimeSpan PatternLimit = TimeSpan.FromMilliseconds(100);
    private static readonly ImmutableArray<string> Idle = ["trusted_execution_env", "required_vram"];
    private static readonly ImmutableArray<string> IdleAtTop = ["logistics", "deployment_id", "ssh"];
    private static readonly ImmutableArray<string> Shells = ["sh", "bash", "dash", "ash", "zsh"];

    public void Check()
    {
        var top = new Form(definition.Document, DocumentPath.Root, problems);
        foreach (var name in IdleAtTop.Where(top.Has))
        {
            WarnIdle(top, name);
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

    /// <summary>Host names are compared without case, so ids that differ only in it are one name on the network.</summary>
    private void CheckNames()
    {
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
        if (Marker.HasLiteral(image) || !ImageReference.Moves(image) || !images.Add(image))
        {
            return;
        }

        var (path, position) = args["image"] is { } own
            ? (args.At("image"), own.Position)
            : (DocumentPath.Root.Member("global").Member("image"), run.Template["image"]?.Position ?? args.Node.Position);
        problems.Warning(
            path,
            position,
            $"'{image}' may mean another image tomorrow, and a node that has it does not look for a newer one; name a version.",
            image);
    }

    private static void CheckCommand(ContainerArguments arguments, Form args)
    {
        if (arguments.Command is not CommandList { Elements: var elements } || elements.Any(element => Marker.HasLiteral(element)))
        {
            return;
        }

        ImmutableArray<string> all = [.. arguments.Entrypoint ?? [], .. elements];
        if (all is [var shell, var option, var script, _, ..]
            && Shells.Contains(shell[(shell.LastIndexOf('/') + 1)..])
            && CommandOption.IsMatch(option)
            && !Positional.IsMatch(script))
        {
            args.Warn("cmd", $"The shell runs only the first text after '{option}'; what follows become its $0, $1 and so on. Join the rest into one text, or write cmd as one text.");
        }
    }

    private void CheckVolumes(ContainerArguments arguments, Form args, HashSet<string> volumes)
    {
        foreach (var (node, path) in args.List("volumes").Where(element => element.Node is ObjectNode && !Marker.IsMarker(element.Node)))
        {
            var mount = new Form((ObjectNode)node, path, problems);
            if (mount.Text("name") is { } name && !Marker.HasLiteral(name) && !volumes.Contains(name))
            {
                var near = NearName.Of(name, volumes);
                var message = near is null
                    ? "No operation creates this volume; it will be made when it is first mounted."
                    : $"No operation creates this volume; did you mean '{near}'?";
                mount.Warn("name", message, near);
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

    [GeneratedRegex("^-[a-z]*c\\z")]
    private static partial Regex CommandOption { get; }

    [GeneratedRegex(@"\$(?:[0-9@*#]|\{[0-9@*#])")]
    private static partial Regex Positional { get; }
}
