using Berth.Jobs;
using Berth.Market.Requests;
using Berth.Protocol;
using Berth.Protocol.Sealing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Berth.Market.Secrets;

/// <summary>Routes of secrets, and of what is handed over for runs.</summary>
internal static class SecretRoutes
{
    /// <summary>The largest handover: its content in base64 twice, and what goes with it.</summary>
    private const int LargestHandover = 3 << 20;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var secrets = routes.MapGroup("/secrets").WithTags("Secrets");
        secrets.MapGet("", (Caller caller, SecretDesk desk, CancellationToken ct) => desk.ListAsync(caller.Address, ct)).WithSummary("Your secrets by name, without their values.");
        secrets.MapGet("/{name}", (string name, Caller caller, SecretDesk desk, CancellationToken ct) => desk.FindAsync(caller.Address, name, ct)).Refuses(404)
            .WithSummary("One of your secrets, sealed.");
        secrets.MapPut("/{name}", (string name, Caller caller, Body body, SecretDesk desk, CancellationToken ct) =>
                desk.SetAsync(caller.Address, name, body.As(WireJson.Requests.SecretDraft), ct))
            .Takes<SecretDraft>().Refuses(413).WithSummary("Sets one of your secrets.");
        secrets.MapDelete("/{name}", RemoveAsync).Refuses(404).WithSummary("Forgets one of your secrets.");

        routes.MapGet("/handovers", (JobId? job, double? waitSeconds, Caller caller, HandoverDesk desk, CancellationToken ct) =>
                desk.WantedAsync(caller.Address, job, TimeSpan.FromSeconds(Math.Clamp(waitSeconds ?? 0, 0, 30)), ct))
            .WithTags("Secrets").WithSummary("Runs of your jobs whose nodes wait for what is sealed in them to be handed over; waits until there is one.");
        var runs = routes.MapGroup("/runs").WithTags("Runs").Refuses(403, 404, 409, 413);
        runs.MapPut("/{run}/handover", HandOverAsync).Takes<SealedBox>().WithMetadata(new BodyLimit(LargestHandover))
            .WithSummary("Hands over what the node of the run needs to open what is sealed in its job. The poster's.");
        runs.MapPost("/{run}/opening", OpenAsync).Takes<OpeningRequest>().WithSummary("What was handed over for the run, sealed for its node; waits for it. The first answer that has it starts the time that is paid.");
    }

    private static async Task<NoContent> RemoveAsync(string name, Caller caller, SecretDesk desk, CancellationToken ct)
    {
        await desk.RemoveAsync(caller.Address, name, ct);
        return TypedResults.NoContent();
    }

    private static async Task<NoContent> HandOverAsync(RunId run, Caller caller, Body body, HandoverDesk desk, CancellationToken ct)
    {
        await desk.TakeAsync(run, caller.Address, body.As(WireJson.Requests.SealedBox), ct);
        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<SealedBox>, NoContent>> OpenAsync(RunId run, Caller caller, Body body, HandoverDesk desk, CancellationToken ct) =>
        await desk.OpenAsync(run, caller.Address, body.As(WireJson.Requests.OpeningRequest), ct) is { } box ? TypedResults.Ok(box) : TypedResults.NoContent();
}
