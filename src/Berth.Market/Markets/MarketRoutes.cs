using Berth.Market.Jobs;
using Berth.Market.Requests;
using Berth.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Berth.Market.Markets;

/// <summary>Routes under <c>/markets</c>.</summary>
internal static class MarketRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var markets = routes.MapGroup("/markets").WithTags("Markets");
        markets.MapGet("", (string? after, MarketDesk desk, CancellationToken ct) => desk.ListAsync(after, ct)).WithSummary("Markets by slug.");
        markets.MapGet("/{market}", (string market, MarketDesk desk, CancellationToken ct) => desk.FindAsync(market, ct)).WithSummary("The market of that slug or address.");
        markets.MapPost("", CreateAsync).Takes<MarketDraft>().WithSummary("Makes a market. The operator's.");
        markets.MapPatch("/{market}", ChangeAsync).Takes<MarketChange>().WithSummary("Changes what is given. The operator's.");
        markets.MapPost("/{market}/close", (string market, Caller caller, MarketDesk desk, CancellationToken ct) => desk.CloseAsync(caller.Address, market, ct))
            .WithSummary("Takes no more jobs or nodes; what waits is stopped and refunded. The operator's.");
        markets.MapPost("/{market}/claims", ClaimAsync).Takes<ClaimRequest>()
            .WithSummary("A slot asks for work; the answer waits until there is some (200) or the wait is over (204). A node's.");
    }

    private static async Task<Created<MarketFacts>> CreateAsync(Caller caller, Body body, MarketDesk desk, CancellationToken ct)
    {
        var market = await desk.CreateAsync(caller.Address, body.As(WireJson.Requests.MarketDraft), ct);
        return TypedResults.Created($"/api/v1/markets/{market.Slug}", market);
    }

    private static Task<MarketFacts> ChangeAsync(string market, Caller caller, Body body, MarketDesk desk, CancellationToken ct) =>
        desk.ChangeAsync(caller.Address, market, body.As(WireJson.Requests.MarketChange), ct);

    private static async Task<Results<Ok<Lease>, NoContent>> ClaimAsync(string market, Caller caller, Body body, MarketQueue queue, CancellationToken ct) =>
        await queue.ClaimAsync(market, caller.Address, body.As(WireJson.Requests.ClaimRequest), ct) is { } lease ? TypedResults.Ok(lease) : TypedResults.NoContent();
}
