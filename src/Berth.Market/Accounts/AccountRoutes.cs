using Berth.Market.Requests;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Berth.Market.Accounts;

/// <summary>Routes under <c>/accounts</c>.</summary>
internal static class AccountRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup("/accounts").WithTags("Accounts");
        accounts.MapGet("/{account}", (Address account, Caller caller, AccountDesk desk, CancellationToken ct) => desk.FindAsync(account, caller.Address, ct))
            .WithSummary("What the address has. Its owner's and the operator's.");
        accounts.MapGet("/{account}/entries", (Address account, string? after, Caller caller, AccountDesk desk, CancellationToken ct) =>
                desk.EntriesAsync(account, caller.Address, after, ct))
            .WithSummary("Its entries, newest first. Its owner's and the operator's.");
        accounts.MapPost("/{account}/grants", (Address account, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey, Caller caller, Body body, AccountDesk desk, CancellationToken ct) =>
                desk.GrantAsync(account, caller.Address, body.As(WireJson.Requests.Grant), idempotencyKey, ct))
            .Takes<Grant>().WithSummary("Gives it NOS, once per Idempotency-Key. The operator's.");
    }
}
