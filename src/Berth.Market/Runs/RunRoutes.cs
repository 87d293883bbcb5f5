using Berth.Jobs;
using Berth.Market.Requests;
using Berth.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Berth.Market.Runs;

/// <summary>Routes under <c>/runs</c>: the nodes'.</summary>
internal static class RunRoutes
{
    /// <summary>The largest report, bytes: a line of the largest size, packed and in base64, and what goes with it.</summary>
    private const int LargestReport = 40 << 20;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var runs = routes.MapGroup("/runs").WithTags("Runs");
        runs.MapPost("/{run}/renewals", (RunId run, Caller caller, Body body, RunDesk desk, CancellationToken ct) =>
                desk.RenewAsync(run, caller.Address, body.As(WireJson.Requests.RenewalRequest), ct))
            .Takes<RenewalRequest>().WithSummary("Renews a lease, and answers when there is something to tell or the wait is over.");
        runs.MapPost("/{run}/events", (RunId run, Caller caller, Body body, RunDesk desk, CancellationToken ct) =>
                desk.ReportAsync(run, caller.Address, body.As(WireJson.Requests.RunReport), ct))
            .Takes<RunReport>().WithMetadata(new BodyLimit(LargestReport)).WithSummary("Reports what happened in a run.");
    }
}
