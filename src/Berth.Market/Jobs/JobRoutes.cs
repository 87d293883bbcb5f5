using System.Globalization;
using System.Text.Json;
using Berth.Jobs;
using Berth.Market.Content;
using Berth.Market.Requests;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Berth.Market.Jobs;

/// <summary>Routes under <c>/jobs</c>.</summary>
internal static class JobRoutes
{
    /// <summary>A definition of 1 MiB, every character of it escaped, and what goes with it.</summary>
    private const int LargestPost = 7 << 20;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var jobs = routes.MapGroup("/jobs").WithTags("Jobs");
        jobs.MapPost("", PostAsync).Takes<JobPost>().WithMetadata(new BodyLimit(LargestPost)).Refuses(402, 404, 409, 413, 422).WithSummary("Posts a job. The same id with the same body is the same post.");
        jobs.MapGet("", ListAsync).Refuses(404).WithSummary("Jobs, newest first: what anybody may know of them.");
        jobs.MapGet("/{job}", (JobId job, MaybeCaller caller, JobDesk desk, CancellationToken ct) => desk.ViewAsync(job, caller.Address, ct)).Refuses(404)
            .WithSummary("One job, as far as the caller may see it.");
        jobs.MapGet("/{job}/definition", DefinitionAsync).Produces(200, contentType: "application/json", additionalContentTypes: "application/yaml").Refuses(403, 404)
            .WithSummary("The definition as it was posted. The poster's, the node's and the operator's, unless the job is public.");
        jobs.MapGet("/{job}/result", ResultAsync).Produces(200, contentType: "application/json", additionalContentTypes: "application/octet-stream").Refuses(403, 404).WithSummary("The result of a job that ended; of a confidential job as bytes that its poster can open. Readable like the definition.");
        jobs.MapGet("/{job}/content/{content}", ContentAsync).Produces(200, contentType: "application/octet-stream").Produces(206, contentType: "application/octet-stream").Refuses(403, 404, 416)
            .WithSummary("A content of the job: an artefact, a source, its definition or result; with a Range of bytes, from there on. Readable like the definition.");
        jobs.MapGet("/{job}/events", FollowAsync).Produces<JobEvent>(200, "text/event-stream").Refuses(403, 404)
            .WithSummary("The job's events as server-sent events, from Last-Event-ID on; with ?logs=true the chunks of its logs too, of one operation, since a time, or the last lines only. Readable like the definition.");
        jobs.MapPost("/{job}/stop", (JobId job, Caller caller, JobDesk desk, CancellationToken ct) => desk.StopAsync(job, caller.Address, ct))
            .Refuses(403, 404).WithSummary("Takes a queued job back, tells a running one to end. The poster's.");
        jobs.MapPost("/{job}/extend", (JobId job, Caller caller, Body body, JobDesk desk, CancellationToken ct) =>
                desk.ExtendAsync(job, caller.Address, body.As(WireJson.Requests.JobExtension).TimeoutSeconds, ct))
            .Takes<JobExtension>().Refuses(402, 403, 404, 409, 413).WithSummary("Makes the timeout longer and deposits the difference. The poster's.");
    }

    private static async Task<Results<Created<JobView>, Ok<JobView>>> PostAsync(
        [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey, Caller caller, Body body, JobDesk desk, CancellationToken ct)
    {
        if (idempotencyKey is { Length: 0 or > 128 })
        {
            throw RefusedException.Bad("An Idempotency-Key is from 1 to 128 characters.");
        }

        var (view, isNew) = await desk.PostAsync(caller.Address, body.As(WireJson.Requests.JobPost), idempotencyKey, ct);
        return isNew ? TypedResults.Created($"/api/v1/jobs/{view.Facts.Job}", view) : TypedResults.Ok(view);
    }

    private static Task<Page<JobFacts>> ListAsync(string? state, string? market, string? node, string? poster, string? after, int? limit, JobDesk desk, CancellationToken ct)
    {
        var filter = new JobFilter
        {
            State = state is null ? null : Enum.TryParse<JobState>(state, ignoreCase: true, out var one) && Enum.IsDefined(one)
                ? one : throw RefusedException.Bad("'state' is queued, running, completed or stopped."),
            Market = market,
            Node = AddressOf(node, "node"),
            Poster = AddressOf(poster, "poster"),
            After = after,
            Limit = limit is null ? 50 : limit is >= 1 and <= 200 ? limit.Value : throw RefusedException.Bad("'limit' is from 1 to 200."),
        };
        return desk.ListAsync(filter, ct);
    }

    private static Address? AddressOf(string? text, string name) =>
        text is null ? null : Address.TryParse(text, null, out var address) ? address : throw RefusedException.Bad($"'{name}' is an address: base58 of 32 bytes.");

    private static async Task<FileContentHttpResult> DefinitionAsync(JobId job, MaybeCaller caller, JobDesk desk, ContentStore content, CancellationToken ct)
    {
        var readable = await desk.ReadableAsync(job, caller.Address, ct);
        var bytes = await content.ReadAsync(ContentId.Parse(readable.Definition, null), ct) ?? throw RefusedException.NotFound($"The definition of job {job} is gone from the content store.");
        return TypedResults.Bytes(bytes, readable.Format == DefinitionFormat.Yaml ? "application/yaml" : "application/json");
    }

    private static async Task<FileContentHttpResult> ResultAsync(JobId job, MaybeCaller caller, JobDesk desk, ContentStore content, CancellationToken ct)
    {
        var readable = await desk.ReadableAsync(job, caller.Address, ct);
        var id = readable.Result ?? throw RefusedException.NotFound(readable.IsEnded ? $"Job {job} ended without a result: {readable.Message}" : $"Job {job} has not ended yet.");
        var bytes = await content.ReadAsync(ContentId.Parse(id, null), ct) ?? throw RefusedException.NotFound($"The result of job {job} is gone from the content store.");
        return TypedResults.Bytes(bytes, readable.IsConfidential ? "application/octet-stream" : "application/json");
    }

    private static async Task ContentAsync(JobId job, ContentId content, HttpContext context, MaybeCaller caller, JobDesk desk, ContentStore store, CancellationToken ct)
    {
        var readable = await desk.ReadableAsync(job, caller.Address, ct);
        if (!await desk.HasContentAsync(readable, content, ct))
        {
            throw RefusedException.NotFound($"The job {job} has no content {content}.");
        }

        await ContentAnswer.SendAsync(context, store, content, ct);
    }

    private static async Task FollowAsync(
        JobId job, bool? logs, bool? follow, string? operation, DateTimeOffset? since, int? tail, [FromHeader(Name = "Last-Event-ID")] string? lastEventId, HttpContext context, MaybeCaller caller, JobDesk desk, JobStories stories, OpenStreams streams, CancellationToken ct)
    {
        var after = 0L;
        if (lastEventId is { Length: > 0 } && !long.TryParse(lastEventId, NumberStyles.None, CultureInfo.InvariantCulture, out after))
        {
            throw RefusedException.Bad("Last-Event-ID is the id of an event of this stream: a whole number.");
        }

        if (tail is <= 0)
        {
            throw RefusedException.Bad("'tail' is a number of lines, from 1.");
        }

        var wish = logs == true ? new LogWish { Operation = operation is { Length: > 0 } ? new OperationId(operation) : null, Since = since, Tail = tail, OnlySoFar = follow == false } : null;
        await desk.ReadableAsync(job, caller.Address, ct);
        using var address = streams.Enter($"from {context.Connection.RemoteIpAddress}", MarketOptions.CallersAtOneAddress);
        using var place = streams.Enter(caller.Address?.Value ?? $"{context.Connection.RemoteIpAddress}");
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await context.Response.StartAsync(ct);
        await foreach (var happened in stories.FollowAsync(job, after, wish, ct))
        {
            if (happened is null)
            {
                await context.Response.WriteAsync(": still here\n\n", ct);
            }
            else
            {
                await context.Response.WriteAsync($"id: {happened.Sequence}\ndata: {JsonSerializer.Serialize(happened, WireJson.Answers.JobEvent)}\n\n", ct);
            }

            await context.Response.Body.FlushAsync(ct);
        }
    }
}
