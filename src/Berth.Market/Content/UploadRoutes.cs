using Berth.Market.Requests;
using Berth.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Berth.Market.Content;

/// <summary>Routes under <c>/uploads</c>.</summary>
internal static class UploadRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var uploads = routes.MapGroup("/uploads").WithTags("Uploads").Refuses(403, 404, 409, 413);
        uploads.MapPost("", (Caller caller, Body body, UploadDesk desk, CancellationToken ct) => desk.OpenAsync(caller.Address, body.As(WireJson.Requests.UploadOpening), ct))
            .Takes<UploadOpening>().WithSummary("Begins to send a content in parts, or tells how far it has come.");
        uploads.MapPut("/{upload}/parts/{number}", PutAsync).Accepts<byte[]>("application/octet-stream").WithMetadata(new BodyLimit(UploadedPart.LargestSize))
            .WithSummary("Keeps a part. The same part again changes nothing; another of its number takes its place.");
        uploads.MapPost("/{upload}/end", (UploadId upload, Caller caller, Body body, UploadDesk desk, CancellationToken ct) =>
                desk.EndAsync(caller.Address, upload, body.As(WireJson.Requests.UploadEnding), ct))
            .Takes<UploadEnding>().WithSummary("Makes one content of the parts; an artefact is its run's from then on.");
    }

    private static async Task<NoContent> PutAsync(UploadId upload, int number, Caller caller, Body body, UploadDesk desk, CancellationToken ct)
    {
        await desk.PutAsync(caller.Address, upload, number, body.Bytes, ct);
        return TypedResults.NoContent();
    }
}
