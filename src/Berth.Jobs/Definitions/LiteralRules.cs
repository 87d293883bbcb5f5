using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>
/// Checks every literal (job-language.md 1.12) against what the definition itself tells: the operation, variable, result or port it names
/// must exist, and what it waits for must have come to pass when the operation starts.
/// </summary>
internal sealed class LiteralRules(JobDefinition definition, Func<int, Form> formOf, ProblemList problems)
{
    private const string NoAddress = "it has no address before it runs";

    private static readonly ImmutableArray<string> GlobalNames = ["job", "host", "project", "frps_address", "version", "variables"];
    private static readonly ImmutableArray<string> OperationNames = ["host", "container_ip", "endpoint", "deployment_endpoint", "results"];

    private readonly Dictionary<string, Operation> _operations = definition.Operations
        .GroupBy(operation => operation.Id.Value, StringComparer.Ordinal)
        .ToDictionary(same => same.Key, same => same.First(), StringComparer.Ordinal);

    private readonly HashSet<string> _variables = [.. definition.Global.Variables.Select(variable => variable.Key)];
    private readonly HashSet<string> _used = [];
    private readonly HashSet<(TextPosition, string)> _told = [];

    public void Check()
    {
        foreach (var operation in definition.Operations)
        {
            Walk(operation, operation.Template, formOf(operation.Index).At("args"));
        }

        if (definition.Document["global"] is not ObjectNode global || global["variables"] is not ObjectNode variables)
        {
            return;
        }

        foreach (var member in variables.Members.Where(member => !_used.Contains(member.Name)))
        {
            var path = DocumentPath.Root.Member("global").Member("variables").Member(member.Name);
            problems.Warning(path, member.NamePosition, $"No operation uses this variable; it is written %%global.variables.{member.Name}%% where it is wanted.");
        }
    }

    private void Walk(Operation operation, DocumentNode node, DocumentPath path)
    {
        switch (node)
        {
            case ObjectNode { Members: var members }:
                foreach (var member in members)
                {
                    Walk(operation, member.Value, path.Member(member.Name));
                }

                break;
            case ListNode { Items: var items }:
                for (var i = 0; i < items.Length; i++)
                {
                    Walk(operation, items[i], path.Item(i));
                }

                break;
            case TextNode { Value: var text } when Marker.HasLiteral(text):
                foreach (var literal in Marker.Literal.EnumerateMatches(text))
                {
                    Check(operation, text.Substring(literal.Index, literal.Length), path, node.Position);
                }

                break;
        }
    }

    private void Check(Operation operation, string literal, DocumentPath path, TextPosition position)
    {
        if (problems.IsFull)
        {
            return;
        }

        var inner = literal.Trim('%');
        var dot = inner.IndexOf('.', StringComparison.Ordinal);
        var fault = inner[..dot] == "ops" ? OperationFault(operation, inner[(dot + 1)..]) : GlobalFault(inner[(dot + 1)..]);
        if (fault is not { } found || !_told.Add((position, literal)))
        {
            return;
        }

        if (found.Severity is Severity.Error)
        {
            problems.Error(path, position, $"{literal} can never be filled: {found.Message}", literal, suggestion: found.Suggestion);
        }
        else
        {
            problems.Warning(path, position, $"{literal} may not be filled in time: {found.Message}", literal);
        }
    }

    private sealed record Fault(Severity Severity, string Message, string? Suggestion = null);

    private Fault? GlobalFault(string name)
    {
        const string Variables = "variables.";
        if (name.StartsWith(Variables, StringComparison.Ordinal))
        {
            var variable = name[Variables.Length..].Trim('"', '\'');
            _used.Add(variable);
            return _variables.Contains(variable) ? null : Unknown($"there is no variable '{variable}' in global.variables", variable, _variables);
        }

        return name is not "variables" && GlobalNames.Contains(name) ? null : Unknown($"global has no '{name}'", name, GlobalNames);
    }

    private Fault? OperationFault(Operation operation, string rest)
    {
        var (id, path) = Split(rest);
        if (!_operations.TryGetValue(id, out var named))
        {
            return Unknown($"no operation has the id '{id}'", id, _operations.Keys.Where(known => known != operation.Id.Value));
        }

        var dot = path.IndexOf('.', StringComparison.Ordinal);
        var (kind, key) = dot < 0 ? (path, null) : (path[..dot], path[(dot + 1)..].Trim('"', '\''));
        return (kind, key) switch
        {
            ("host", null) => null,
            ("container_ip", null) => TimeFault(operation, named, NoAddress),
            ("deployment_endpoint", null) => definition.DeploymentId is null
                ? new Fault(Severity.Error, "the definition has no 'deployment_id'.")
                : null,
            ("endpoint", not null) => EndpointFault(named, key),
            ("results", not null) => ResultFault(operation, named, key),
            _ => Unknown($"an operation has no '{path}'", kind, OperationNames),
        };
    }

    /// <summary>The id, quoted or not, and what follows it; an id with dots is known by being one.</summary>
    private (string Id, string Path) Split(string rest)
    {
        if (rest is ['"' or '\'', ..] && rest.IndexOf(rest[0], 1) is var close and > 0)
        {
            return (rest[1..close], rest[(close + 1)..].TrimStart('.'));
        }

        var known = _operations.Keys.Where(id => rest.StartsWith(id + ".", StringComparison.Ordinal)).MaxBy(id => id.Length);
        var end = known?.Length ?? rest.IndexOf('.', StringComparison.Ordinal);
        return end < 0 ? (rest, "") : (rest[..end], rest[(end + 1)..]);
    }

    private static Fault? EndpointFault(Operation named, string port)
    {
        if (named is not RunContainer run)
        {
            return new Fault(Severity.Error, $"'{named.Id}' runs no container.");
        }

        var isOpen = run.Template["expose"] is { } expose && Marker.StandsIn(expose);
        if (isOpen || run.Arguments.Exposures.Any(exposure => exposure.Port == port || Includes(exposure, port)))
        {
            return null;
        }

        var exposed = string.Join(", ", run.Arguments.Exposures.Select(exposure => exposure.Port));
        return new Fault(Severity.Error, $"'{named.Id}' does not expose port {port}{(exposed == "" ? "" : $", only {exposed}")}.");
    }

    private static bool Includes(Exposure exposure, string port) =>
        int.TryParse(port, out var number) && number >= exposure.FirstPort && number <= exposure.LastPort;

    private Fault? ResultFault(Operation operation, Operation named, string key)
    {
        var keys = named.Results.Select(result => result.Key).ToList();
        return keys.Contains(key) || keys.Any(known => key.StartsWith(known + ".", StringComparison.Ordinal))
            ? TimeFault(operation, named, "it has no results before it ended")
            : Unknown($"'{named.Id}' has no result '{key}'", key, keys);
    }

    private Fault? TimeFault(Operation operation, Operation named, string reason)
    {
        if (operation.Id == named.Id)
        {
            return new Fault(Severity.Error, $"it names the operation itself, and {reason}.");
        }

        var (own, other) = (StageOf(operation), StageOf(named));
        if (own < other)
        {
            return new Fault(Severity.Error, $"'{named.Id}' runs later, and {reason}.");
        }

        var hasStarted = operation.Execution.DependsOn.Contains(named.Id) && reason == NoAddress;
        return own > other || hasStarted ? null : new Fault(Severity.Warning, $"'{named.Id}' runs in the same group, and {reason}.");
    }

    /// <summary>Stages in the order they run: a group has the place of its first operation.</summary>
    private int StageOf(Operation operation) =>
        definition.Operations.First(other => GroupOf(other) == GroupOf(operation)).Index;

    private static string GroupOf(Operation operation) => operation.Execution.Group ?? operation.Id.Value;

    private static Fault Unknown(string message, string written, IEnumerable<string> known)
    {
        var near = NearName.Of(written, known);
        return new Fault(Severity.Error, near is null ? $"{message}." : $"{message}; did you mean '{near}'?", near);
    }
}
