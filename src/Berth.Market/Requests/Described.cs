using Berth.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Berth.Market.Requests;

/// <summary>What the API's description says of a route besides what its method's types say.</summary>
internal static class Described
{
    private const string Problem = "application/problem+json";

    /// <summary>The route's body.</summary>
    public static RouteHandlerBuilder Takes<T>(this RouteHandlerBuilder route)
        where T : notnull => route.Accepts<T>("application/json");

    /// <summary>Problems that the route, or every route of the group, may answer.</summary>
    public static TBuilder Refuses<TBuilder>(this TBuilder route, params ReadOnlySpan<int> statuses)
        where TBuilder : IEndpointConventionBuilder
    {
        foreach (var status in statuses)
        {
            route.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(ServerProblem), [Problem]));
        }

        return route;
    }
}
