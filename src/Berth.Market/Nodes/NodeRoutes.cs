using Berth.Market.Requests;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Berth.Market.Nodes;

/// <summary>Routes under <c>/nodes</c>.</summary>
internal static class NodeRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var nodes = routes.MapGroup("/nodes").WithTags("Nodes");
        nodes.MapGet("", (string? market, string? after, NodeDesk desk, CancellationToken ct) => desk.ListAsync(market, after, ct)).WithSummary("Nodes by address.");
        nodes.MapGet("/{node}", (Address node, NodeDesk desk, CancellationToken ct) => desk.FindAsync(node, ct)).WithSummary("One node.");
        nodes.MapPut("/{node}", (Address node, Caller caller, Body body, NodeDesk desk, CancellationToken ct) =>
                desk.RegisterAsync(node, caller.Address, body.As(WireJson.Requests.NodeRegistration), ct))
            .Takes<NodeRegistration>().WithSummary("A node says what it has. Its own.");
    }
}
