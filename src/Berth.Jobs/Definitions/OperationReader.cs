using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Berth.Jobs.Definitions;

/// <summary>Reads one element of <c>ops</c> (job-language.md 1.5, 1.9, 1.10).</summary>
internal sealed partial class OperationReader(ProblemList problems, ObjectNode? global)
{
    public const string RunType = "container/run";
    public const string VolumeType = "container/create-volume";

    private const int LongestId = 128;
    private const int LongestPattern = 4096;
    private const double LongestTimeout = 10 * 365 * 24 * 3600.0;

    private static readonly ImmutableArray<string> Types = [RunType, VolumeType];
    private static readonly ImmutableArray<string> LogTypes = ["stdin", "stdout", "stderr", "nodeerr"];

    /// <summary>The operation as far as it could be read; null when its kind or arguments are unknown.</summary>
    public Operation? Read(Form form, int index)
    {
        form.Knows(LanguageMembers.Operation);
        var id = Id(form);
        form.Required("type", $"one of {string.Join(", ", Types)}");
        var type = form.Word("type", Types);
        form.Required("args", "an object");
        var execution = Execution(form);
        var results = Results(form);
        if (form.Object("args") is not { } args)
        {
            return null;
        }

        switch (type)
        {
            case RunType:
                var written = new ArgumentsReader(problems, isFilled: false);
                written.Read(args, imageRequired: global?["image"] is null);
                var template = ArgumentsTemplate.Of(args.Node, global);
                var merged = new ArgumentsReader(new ProblemList(), isFilled: false);
                return new RunContainer
                {
                    Id = id,
                    Index = index,
                    Execution = execution,
                    Results = results,
                    Template = template,
                    Arguments = merged.Read(new Form(template, args.Path, new ProblemList()), imageRequired: false),
                    HasPlaceholders = Marker.StandsIn(template) || SecretReferences.StandIn(template),
                };
            case VolumeType:
                args.Knows(LanguageMembers.VolumeArguments);
                var name = new ArgumentsReader(problems, isFilled: false).VolumeName(args, "name") ?? "";
                return new CreateVolume
                {
                    Id = id,
                    Index = index,
                    Execution = execution,
                    Results = results,
                    Template = args.Node,
                    Name = name,
                };
            default:
                return null;
        }
    }

    private static OperationId Id(Form form)
    {
        if (form.RequiredText("id") is not { } id)
        {
            return new OperationId("");
        }

        if (id.Length == 0)
        {
            form.Refuse("id", "The id of an operation is empty.");
        }
        else if (id.Length > LongestId)
        {
            form.Refuse("id", $"The id of an operation has at most {LongestId} characters.");
        }
        else if (id.Any(character => char.IsWhiteSpace(character) || char.IsControl(character)))
        {
            var mend = Blanks.Replace(id.Trim(), "-");
            form.Refuse("id", $"The id of an operation has no spaces; write '{mend}'.", suggestion: mend);
        }

        return new OperationId(id);
    }

    private Execution Execution(Form form)
    {
        if (form.Object("execution")?.Knows(LanguageMembers.Execution) is not { } execution)
        {
            return Definitions.Execution.Default;
        }

        var group = execution.Text("group");
        var dependencies = ImmutableArray.CreateBuilder<OperationId>();
        foreach (var (node, path) in execution.IsTooLong("depends_on") ? [] : execution.List("depends_on"))
        {
            if (Form.TextOf(node, path, problems) is not { } dependency)
            {
                continue;
            }

            if (dependencies.Contains(new OperationId(dependency)))
            {
                problems.Warning(path, node.Position, "This dependency is listed twice.", dependency);
                continue;
            }

            dependencies.Add(new OperationId(dependency));
        }

        var stops = execution.Flag("stop_if_dependent_stops") ?? false;
        if (stops && dependencies.Count == 0)
        {
            execution.Warn("stop_if_dependent_stops", "This has no effect without 'depends_on'.");
        }

        return new Execution
        {
            Group = group is "" ? null : group,
            DependsOn = dependencies.ToImmutable(),
            StopIfDependentStops = stops,
            Timeout = Timeout(execution),
        };
    }

    private static TimeSpan? Timeout(Form execution)
    {
        var seconds = execution.Number("timeout");
        if (seconds is null or <= 0)
        {
            return null;
        }

        if (seconds <= LongestTimeout)
        {
            return TimeSpan.FromSeconds(seconds.Value);
        }

        execution.Refuse("timeout", "'timeout' is a number of seconds, at most ten years of them.", "a number of seconds");
        return null;
    }

    private ImmutableArray<ResultPattern> Results(Form form)
    {
        if (form.Object("results") is not { } results || form.IsTooLong("results"))
        {
            return [];
        }

        var patterns = ImmutableArray.CreateBuilder<ResultPattern>();
        foreach (var member in results.Node.Members)
        {
            var path = results.At(member.Name);
            if (member.Value is TextNode { Value: var pattern })
            {
                CheckLength(results, member.Name, pattern);
                patterns.Add(new ResultPattern(member.Name, pattern, []));
            }
            else if (member.Value is not ObjectNode node)
            {
                Form.Wrong(member.Value, path, "a pattern, or an object with 'regex' and 'logType'", problems);
            }
            else if (new Form(node, path, problems).Knows(LanguageMembers.ResultPattern) is var entry)
            {
                var regex = entry.RequiredText("regex") ?? "";
                CheckLength(entry, "regex", regex);
                patterns.Add(new ResultPattern(member.Name, regex, Streams(entry)));
            }
        }

        return patterns.ToImmutable();
    }

    private static void CheckLength(Form form, string name, string pattern)
    {
        if (pattern.Length > LongestPattern)
        {
            form.Refuse(name, $"A pattern has at most {LongestPattern} characters.");
        }
    }

    private ImmutableArray<LogStream> Streams(Form entry)
    {
        if (entry["logType"] is ListNode { Items.IsEmpty: true })
        {
            entry.Refuse("logType", "'logType' is empty; leave it out to search every stream.");
        }

        var streams = ImmutableArray.CreateBuilder<LogStream>();
        foreach (var (node, path) in entry.IsTooLong("logType") ? [] : entry.List("logType"))
        {
            if (Form.TextOf(node, path, problems) is not { } word)
            {
                continue;
            }

            if (!LogTypes.Contains(word))
            {
                var near = NearName.Of(word, LogTypes);
                problems.Error(
                    path,
                    node.Position,
                    $"A log type is one of {string.Join(", ", LogTypes)}{NearName.Question(near)}",
                    Form.Shown(node, path),
                    string.Join(", ", LogTypes),
                    near);
                continue;
            }

            var stream = word switch
            {
                "stdin" => LogStream.Stdin,
                "stdout" => LogStream.Stdout,
                "stderr" => LogStream.Stderr,
                _ => LogStream.Node,
            };
            if (streams.Contains(stream))
            {
                problems.Error(path, node.Position, "This log type is listed twice.", word);
            }
            else
            {
                streams.Add(stream);
            }
        }

        return streams.ToImmutable();
    }

    [GeneratedRegex(@"[\s\p{Cc}]+")]
    private static partial Regex Blanks { get; }
}
