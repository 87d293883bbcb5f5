using System.Diagnostics;
using System.Globalization;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Jobs.Placeholders;

/// <summary>Looks placeholders up in the values known when an operation starts.</summary>
internal static class PlaceholderResolver
{
    public static Resolution Resolve(Placeholder placeholder, PlaceholderValues values) => placeholder.Kind switch
    {
        PlaceholderKind.Global => OfRun(placeholder, values),
        PlaceholderKind.Variable => OfVariable(placeholder.Key ?? "", values),
        PlaceholderKind.Operation => OfOperation(placeholder, values),
        var other => throw new UnreachableException($"No values of kind {other}."),
    };

    private static Resolution OfRun(Placeholder placeholder, PlaceholderValues values)
    {
        var known = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["job"] = values.Job.Value,
            ["host"] = values.Host,
            ["project"] = values.Project,
            ["frps_address"] = values.IngressDomain,
            ["version"] = values.Version,
        };
        var name = placeholder.Key is null ? placeholder.Member : $"{placeholder.Member}.{placeholder.Key}";
        return known.TryGetValue(name, out var value)
            ? NotEmpty(value, $"'{name}' is not known here", mayBeJson: false)
            : new Unresolved($"there is no global value named '{name}'", placeholder.Key is null ? NearName.Of(name, known.Keys) : null);
    }

    private static Resolution OfVariable(string name, PlaceholderValues values) => values.Variables.TryGetValue(name, out var value)
        ? NotEmpty(value, $"the variable '{name}' is empty", mayBeJson: true)
        : new Unresolved($"there is no variable named '{name}'", NearName.Of(name, values.Variables.Keys));

    private static Resolution NotEmpty(string value, string otherwise, bool mayBeJson) =>
        string.IsNullOrEmpty(value) ? new Unresolved(otherwise) : new ResolvedText(value, mayBeJson);

    private static Resolution OfOperation(Placeholder placeholder, PlaceholderValues values)
    {
        if (placeholder is not { Operation: { } id, IsAmbiguous: false })
        {
            return new Unresolved("more than one operation could be meant; put the operation's id in quotes, as in %%ops.\"a.b\".host%%");
        }

        if (!values.Operations.TryGetValue(id, out var operation))
        {
            return new Unresolved($"there is no operation '{id}'", NearName.Of(id.Value, values.Operations.Keys.Select(known => known.Value)));
        }

        return (placeholder.Member, placeholder.Key) switch
        {
            ("host", null) => new ResolvedText(operation.Host, MayBeJson: true),
            ("container_ip", null) => OrNot(operation.ContainerAddress, $"operation '{id}' has not started, or it runs no container"),
            ("deployment_endpoint", null) => OrNot(operation.DeploymentEndpoint, "the job has no deployment_id"),
            ("endpoint", { Length: > 0 } port) => OrNot(EndpointOf(operation, port), NoPort(id, port, operation), NearName.Of(port, operation.Endpoints.Keys)),
            ("results", { Length: > 0 } key) => OfResult(id, key, operation),
            _ => new Unresolved(
                $"an operation has {string.Join(", ", PlaceholderMembers.Plain)}, endpoint.PORT and results.KEY",
                NearName.Of(placeholder.Member, PlaceholderMembers.Plain.Concat(PlaceholderMembers.Keyed))),
        };
    }

    private static Resolution OrNot(string? value, string otherwise, string? suggestion = null) =>
        value is null ? new Unresolved(otherwise, suggestion) : new ResolvedText(value, MayBeJson: true);

    /// <summary>A range of ports has one endpoint, and each of its ports is served by it.</summary>
    private static string? EndpointOf(OperationValues operation, string port) =>
        operation.Endpoints.GetValueOrDefault(port) ?? operation.Endpoints.FirstOrDefault(endpoint => Includes(endpoint.Key, port)).Value;

    private static bool Includes(string range, string port) =>
        range.Split('-') is [var first, var last] && Number(first) <= Number(port) && Number(port) <= Number(last);

    private static int? Number(string digits) => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string NoPort(OperationId id, string port, OperationValues operation) =>
        $"operation '{id}' exposes no port {port}{(operation.Endpoints.IsEmpty ? "" : $", only {string.Join(", ", operation.Endpoints.Keys.Order(StringComparer.Ordinal))}")}";

    private static Resolution OfResult(OperationId id, string key, OperationValues operation) => operation.Results.GetValueOrDefault(key) switch
    {
        ResultValue { Error: { } error } => new ResolvedText(error, MayBeJson: false),
        ResultValue found => new ResolvedMatches(found.Matches),
        null when operation.Results.IsEmpty => new Unresolved($"operation '{id}' has not ended, or it takes no results"),
        null => new Unresolved($"operation '{id}' takes no result '{key}'", NearName.Of(key, operation.Results.Keys)),
    };
}
