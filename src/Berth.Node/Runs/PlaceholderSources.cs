using System.Collections.Immutable;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Placeholders;
using Berth.Jobs.Results;
using Berth.Node.Capacity;

namespace Berth.Node.Runs;

/// <summary>What placeholders may name, gathered from the definition and from what the run knows at this moment.</summary>
internal static class PlaceholderSources
{
    public static PlaceholderValues Of(RunScope scope)
    {
        var request = scope.Request;
        var definition = request.Definition;
        return new PlaceholderValues
        {
            Job = request.Job,
            Host = request.Host,
            Project = request.Project,
            IngressDomain = request.IngressDomain,
            Version = Machine.Version,
            Secrets = request.Secrets.Values,
            Variables = definition.Global.Variables.ToImmutableDictionary(),
            Operations = definition.Operations.ToImmutableDictionary(operation => operation.Id, operation => Of(scope, operation)),
        };
    }

    private static OperationValues Of(RunScope scope, Operation operation)
    {
        var request = scope.Request;
        var state = scope.Journal.State.Find(operation.Id);
        return new OperationValues
        {
            Host = scope.Names.Host(operation.Index),
            ContainerAddress = state?.Address,
            Endpoints = operation is RunContainer container ? EndpointHosts(request, container, state) : ImmutableDictionary<string, string>.Empty,
            DeploymentEndpoint = request.Definition.DeploymentId is { } deployment
                ? $"{EndpointId.ForDeployment(operation.Id, EndpointId.DeploymentHash($"local-{deployment}", request.Project))}.{request.IngressDomain}"
                : null,
            Results = state?.End?.Results ?? ImmutableDictionary<string, ResultValue>.Empty,
        };
    }

    private static ImmutableDictionary<string, string> EndpointHosts(RunRequest request, RunContainer container, OperationState? state) =>
        container.Arguments.Exposures
            .DistinctBy(exposure => exposure.Port)
            .ToImmutableDictionary(
                exposure => exposure.Port,
                exposure => $"{state?.PrivateEndpoints.GetValueOrDefault(exposure.Port) ?? EndpointId.For(container.Index, exposure.Port, request.Job).Value}.{request.IngressDomain}");
}
