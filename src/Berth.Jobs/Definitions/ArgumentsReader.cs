using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Berth.Jobs.Placeholders;

namespace Berth.Jobs.Definitions;

/// <summary>
/// Reads the arguments of <c>container/run</c>: as written, where literals stand for themselves and markers are left out, or filled,
/// where neither may be left.
/// </summary>
internal sealed partial class ArgumentsReader(ProblemList problems, bool isFilled)
{
    private static readonly ImmutableArray<string> RestartWords = ["no", "always", "unless-stopped", "on-failure"];

    public ContainerArguments Read(Form form, bool imageRequired)
    {
        form.Knows(LanguageMembers.ContainerArguments);
        return new ContainerArguments
        {
            Image = Image(form, imageRequired) ?? "",
            Command = Command(form),
            Entrypoint = Entrypoint(form),
            Env = Env(form, "env"),
            WorkDir = WorkDir(form),
            Gpu = form.Flag("gpu") ?? false,
            Volumes = Volumes(form),
            Exposures = new ExposureReader(this, problems, isFilled).Read(form),
            Private = form.Flag("private") ?? false,
            Aliases = Aliases(form),
            Resources = new ResourceReader(this, problems).Read(form),
            Login = Login(form),
            Restart = Restart(form),
            Output = Output(form),
            RequiredVram = RequiredVram(form),
            TrustedExecution = form.Text("trusted_execution_env"),
        };
    }

    /// <summary>The name of a volume, checked as far as it is known.</summary>
    public string? VolumeName(Form form, string name)
    {
        if (form.RequiredText(name) is not { } volume)
        {
            return null;
        }

        if (!IsOpen(volume) && (volume.Length > 128 || !NameOfVolume.IsMatch(volume)))
        {
            form.Refuse(name, "The name of a volume begins with a letter or digit and goes on with letters, digits, '_', '.' and '-', 128 at most.");
        }

        return volume;
    }

    public string? Image(Form form, bool required)
    {
        if ((required ? form.RequiredText("image") : form.Text("image")) is not { } image)
        {
            return null;
        }

        if (!IsOpen(image) && ImageReference.Fault(image) is { } fault)
        {
            var mend = image.Contains("://", StringComparison.Ordinal)
                ? image[(image.IndexOf("://", StringComparison.Ordinal) + 3)..]
                : image.ToLowerInvariant();
            form.Refuse("image", fault, "the name of an image", mend != image && ImageReference.Fault(mend) is null ? mend : null);
        }

        return image;
    }

    public ImmutableArray<string>? Entrypoint(Form form) => form["entrypoint"] switch
    {
        null or TextNode { Value: "" } => null,
        TextNode { Value: var single } => [single],
        ListNode => Texts(form, "entrypoint"),
        var other => Refused<ImmutableArray<string>?>(other, form.At("entrypoint"), "a text or a list of texts", null),
    };

    public string? WorkDir(Form form)
    {
        var path = form.Text("work_dir");
        if (string.IsNullOrEmpty(path))
        {
            return null;
        }

        CheckPath(form, "work_dir", path, rootAllowed: true);
        return path;
    }

    public ImmutableArray<KeyValuePair<string, string>> Env(Form form, string name, bool markersAllowed = true)
    {
        var pairs = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        var members = form.Object(name)?.Node.Members ?? [];
        if (form.IsTooLong(name, JobDefinitionReader.MostVariables))
        {
            return [];
        }

        foreach (var member in members)
        {
            var path = form.At(name).Member(member.Name);
            if (Marker.IsMarkerName(member.Name))
            {
                CheckMarker(member, path, markersAllowed);
                continue;
            }

            if (member.Name.Length == 0 || member.Name.Contains('='))
            {
                problems.Error(path, member.NamePosition, "The name of an environment variable is not empty and has no '=' in it.");
            }

            var value = isFilled ? Token.TextOf(member.Value) : Form.TextOrSecretOf(member.Value, path, problems);
            if (value is not null)
            {
                pairs.Add(new(member.Name, value));
            }
        }

        return pairs.ToImmutable();
    }

    private void CheckMarker(ObjectMember member, DocumentPath path, bool allowed)
    {
        if (isFilled || !allowed)
        {
            problems.Error(path, member.NamePosition, isFilled ? "This marker was not expanded." : "Markers are only expanded in the arguments of an operation.");
        }
        else if (member.Value is not (TextNode or ObjectNode or ListNode))
        {
            Form.Wrong(member.Value, path, "a placeholder, JSON text, or the values themselves", problems);
        }
    }

    /// <summary>The texts of a list, markers left out; a number that a placeholder brought in becomes its text.</summary>
    public ImmutableArray<string> Texts(Form form, string name)
    {
        var texts = ImmutableArray.CreateBuilder<string>();
        foreach (var (node, path) in Elements(form, name))
        {
            var text = isFilled && node is (NumberNode or BooleanNode) ? Token.TextOf(node) : Form.TextOf(node, path, problems);
            if (text is not null)
            {
                texts.Add(text);
            }
        }

        return texts.ToImmutable();
    }

    /// <summary>The elements of a list without its markers, which are checked on the way.</summary>
    public List<(DocumentNode Node, DocumentPath Path)> Elements(Form form, string name)
    {
        var elements = new List<(DocumentNode, DocumentPath)>();
        if (form.IsTooLong(name, name is "cmd" or "entrypoint" or "files" ? int.MaxValue : JobDefinitionReader.MostEntries))
        {
            return elements;
        }

        var isArgument = LanguageMembers.ContainerArguments.Contains(name) || LanguageMembers.Global.Contains(name);
        var removals = 0;
        foreach (var (node, path) in form.List(name))
        {
            if (node is TextNode { Value: Marker.RemoveIfEmpty } && !(isArgument && removals++ == 0))
            {
                problems.Error(path, node.Position, $"'{Marker.RemoveIfEmpty}' stands once, and only in a list that is an argument itself.");
            }
            else if (!PassesMarker(node, path))
            {
                elements.Add((node, path));
            }
        }

        return elements;
    }

    /// <summary>Whether the element is a marker; notes what is wrong with it as one.</summary>
    public bool PassesMarker(DocumentNode element, DocumentPath path)
    {
        if (!Marker.IsMarker(element))
        {
            return false;
        }

        if (isFilled)
        {
            problems.Error(path, element.Position, "This marker was not expanded.");
        }
        else if (element is ObjectNode node)
        {
            var marker = new Form(node, path, problems).Knows(LanguageMembers.SpreadMarker);
            marker.Flag(Marker.Chunked);
            CheckSpread(marker);
        }

        return true;
    }

    public void CheckPath(Form form, string name, string path, bool rootAllowed = false)
    {
        if (!IsOpen(path) && ContainerPath.Fault(path, rootAllowed) is { } fault)
        {
            form.Refuse(name, fault, "an absolute path");
        }
    }

    /// <summary>Whether the text still waits for values.</summary>
    public bool IsOpen(string text) => !isFilled && Marker.HasPlaceholder(text);

    private static void CheckSpread(Form marker)
    {
        switch (marker[Marker.Spread])
        {
            case ListNode:
                break;
            case TextNode { Value: var text } when Marker.HasPlaceholder(text) || text.TrimStart().StartsWith('['):
                break;
            default:
                marker.Refuse(Marker.Spread, "What is spread must be a list, the JSON text of one, or a placeholder.", "a list");
                break;
        }
    }

    private CommandForm Command(Form form) => form["cmd"] switch
    {
        null => CommandForm.ImageDefault,
        TextNode { Value: var script } => new CommandText(script),
        ListNode => Texts(form, "cmd") is { IsEmpty: false } elements ? new CommandList(elements) : CommandForm.ImageDefault,
        var other => Refused(other, form.At("cmd"), "a text or a list of texts", CommandForm.ImageDefault),
    };

    private ImmutableArray<VolumeMount> Volumes(Form form)
    {
        var mounts = ImmutableArray.CreateBuilder<VolumeMount>();
        var taken = new Dictionary<string, DocumentPath>(StringComparer.Ordinal);
        foreach (var (node, path) in Elements(form, "volumes"))
        {
            if (Form.ObjectOf(node, path, problems) is not { } mount)
            {
                continue;
            }

            mount.Knows(LanguageMembers.VolumeMount);
            var name = VolumeName(mount, "name");
            if (mount.RequiredText("dest") is not { } destination)
            {
                continue;
            }

            CheckPath(mount, "dest", destination);
            if (!taken.TryAdd(destination.TrimEnd('/'), path) && !IsOpen(destination))
            {
                mount.Refuse("dest", $"Two volumes cannot be mounted at one place; {taken[destination.TrimEnd('/')]} is already here.");
            }

            mounts.Add(new VolumeMount(name ?? "", destination));
        }

        return mounts.ToImmutable();
    }

    private ImmutableArray<string> Aliases(Form form)
    {
        var aliases = form["aliases"] switch
        {
            null => ImmutableArray<string>.Empty,
            TextNode { Value: var text } => [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)],
            ListNode => Texts(form, "aliases"),
            var other => Refused<ImmutableArray<string>>(other, form.At("aliases"), "a text or a list of texts", []),
        };
        if (aliases.FirstOrDefault(alias => !IsOpen(alias) && !HostName.IsMatch(alias)) is { } bad)
        {
            form.Refuse("aliases", $"'{ProblemList.Shortened(bad, 64)}' cannot be a host name: letters, digits, '-', '_' and '.' make one.");
        }

        return aliases;
    }

    private static RegistryLogin? Login(Form form)
    {
        if (form.Object("authentication")?.Knows(LanguageMembers.Authentication) is not { } authentication
            || authentication.Required("docker", "an object") is null
            || authentication.Object("docker")?.Knows(LanguageMembers.RegistryLogin) is not { } docker)
        {
            return null;
        }

        var login = new RegistryLogin(docker.TextOrSecret("username"), docker.TextOrSecret("password"), docker.TextOrSecret("email"), docker.TextOrSecret("server"));
        return string.IsNullOrEmpty(login.Username) && string.IsNullOrEmpty(login.Password) ? null : login;
    }

    private static RestartPolicy Restart(Form form)
    {
        if (form["restart_policy"] is TextNode)
        {
            return PolicyOf(form.Word("restart_policy", RestartWords), null);
        }

        if (form.Object("restart_policy")?.Knows(LanguageMembers.RestartPolicy) is not { } policy)
        {
            return RestartPolicy.Never;
        }

        policy.Required("policy", $"one of {string.Join(", ", RestartWords)}");
        var word = policy.Word("policy", RestartWords);
        var tries = policy.Whole("restart_tries", 0, 1_000_000);
        if (tries is not null && word is not (null or "on-failure"))
        {
            policy.Warn("restart_tries", "'restart_tries' is only read with 'on-failure'.");
        }

        return PolicyOf(word, tries);
    }

    private static RestartPolicy PolicyOf(string? word, int? tries) => word switch
    {
        "always" => new RestartPolicy(RestartWhen.Always),
        "unless-stopped" => new RestartPolicy(RestartWhen.UnlessStopped),
        "on-failure" => new RestartPolicy(RestartWhen.OnFailure, tries),
        _ => RestartPolicy.Never,
    };

    private string? Output(Form form)
    {
        if (form.Text("output") is not { } output)
        {
            return null;
        }

        CheckPath(form, "output", output);
        return output;
    }

    private static double? RequiredVram(Form form)
    {
        var vram = form.Number("required_vram");
        if (vram is < 0 or > 1_000_000)
        {
            form.Refuse("required_vram", "'required_vram' is a number of GB.", "a number of GB");
        }

        return vram;
    }

    private T Refused<T>(DocumentNode value, DocumentPath path, string expected, T instead)
    {
        var mend = value is NumberNode or BooleanNode ? $"write it in quotes: \"{Form.Shown(value, path)}\"" : null;
        Form.Wrong(value, path, expected, problems, mend);
        return instead;
    }

    [GeneratedRegex(@"^[a-zA-Z0-9][a-zA-Z0-9_.-]*\z")]
    private static partial Regex NameOfVolume { get; }

    [GeneratedRegex(@"^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?\z")]
    private static partial Regex HostName { get; }
}
