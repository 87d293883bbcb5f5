using Berth.Market;
using Berth.Market.Storage;

namespace Berth.Server;

/// <summary><c>/healthz/live</c>: the process answers. <c>/healthz/ready</c>: database and content can be written.</summary>
internal static class Health
{
    public static void MapHealth(this IEndpointRouteBuilder application)
    {
        application.MapGet("/healthz/live", () => "live\n").ExcludeFromDescription();
        application.MapGet("/healthz/ready", ReadyAsync).ExcludeFromDescription();
    }

    private static async Task<IResult> ReadyAsync(HttpContext context, CancellationToken ct)
    {
        try
        {
            await context.RequestServices.ProbeMarketAsync(ct);
            return Results.Text("ready\n");
        }
        catch (StorageException away)
        {
            return Results.Text($"not ready: {away.Message}\n", statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }
}
