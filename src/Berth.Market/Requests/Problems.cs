using System.Net;
using System.Text.Json;
using Berth.Market.Storage;
using Berth.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Berth.Market.Requests;

/// <summary>Turns what was refused, and what went wrong, into problem details (RFC 9457); the one place that does.</summary>
internal sealed partial class Problems(RequestDelegate next, ILogger<Problems> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null })
            {
                var status = context.Response.StatusCode;
                if (status == StatusCodes.Status429TooManyRequests)
                {
                    context.Response.Headers.RetryAfter = "1";
                }

                await WriteAsync(context, new ServerProblem { Type = ProblemTypes.Prefix + CodeOf(status), Status = status, Detail = Words(status) });
            }
        }
        catch (RefusedException refused) when (!context.Response.HasStarted)
        {
            if (refused.Code is ProblemTypes.TooMany)
            {
                context.Response.Headers.RetryAfter = "1";
            }

            await WriteAsync(context, new ServerProblem
            {
                Type = ProblemTypes.Prefix + refused.Code,
                Status = StatusOf(refused.Code),
                Detail = refused.Message,
                Problems = refused.Problems,
                ServerTime = refused.ServerTime,
            });
        }
        catch (StorageException away)
        {
            LogAway(away.Message);
            if (context.Response.HasStarted)
            {
                // A stream breaks off; its follower asks again from where it was.
                context.Abort();
                return;
            }

            context.Response.Headers.RetryAfter = "2";
            await WriteAsync(context, new ServerProblem { Type = ProblemTypes.Prefix + ProblemTypes.Unavailable, Status = 503, Detail = away.Message });
        }
        catch (BadHttpRequestException bad) when (!context.Response.HasStarted)
        {
            await WriteAsync(context, new ServerProblem { Type = ProblemTypes.Prefix + CodeOf(bad.StatusCode), Status = bad.StatusCode, Detail = bad.Message });
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Who asked is gone.
        }
        catch (Exception fault) when (!context.Response.HasStarted)
        {
            LogFault(fault, context.Request.Method, context.Request.Path);
            await WriteAsync(context, new ServerProblem { Type = ProblemTypes.Prefix + "fault", Status = 500, Detail = "The server failed to do this; its log says why." });
        }
    }

    private static Task WriteAsync(HttpContext context, ServerProblem problem)
    {
        context.Response.StatusCode = problem.Status!.Value;
        context.Response.ContentType = "application/problem+json";
        var titled = problem with { Title = ((HttpStatusCode)problem.Status.Value).ToString() };
        return context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(titled, WireJson.Answers.ServerProblem), context.RequestAborted).AsTask();
    }

    private static int StatusOf(string code) => code switch
    {
        ProblemTypes.BadRequest or ProblemTypes.InvalidDefinition => 400,
        ProblemTypes.NotSigned or ProblemTypes.ClockSkew or ProblemTypes.Replay => 401,
        ProblemTypes.TooLittleBalance => 402,
        ProblemTypes.NotAllowed => 403,
        ProblemTypes.NotFound => 404,
        ProblemTypes.Conflict or ProblemTypes.AlreadyEnded or ProblemTypes.LeaseLost or ProblemTypes.NotRegistered or ProblemTypes.Superseded => 409,
        ProblemTypes.TooLarge => 413,
        ProblemTypes.BadRange => 416,
        ProblemTypes.NoFit or ProblemTypes.TooExpensive => 422,
        ProblemTypes.TooMany => 429,
        ProblemTypes.Unavailable => 503,
        _ => throw new System.Diagnostics.UnreachableException($"No status for {code}."),
    };

    private static string CodeOf(int status) => status switch
    {
        404 => ProblemTypes.NotFound,
        413 => ProblemTypes.TooLarge,
        429 => ProblemTypes.TooMany,
        _ => ProblemTypes.BadRequest,
    };

    private static string Words(int status) => status switch
    {
        400 => "A part of the address or a header is not what this route takes: ids are base58 of 32 bytes, numbers are whole.",
        404 => "There is no such route; the routes are described at /openapi/v1.json.",
        405 => "This route does not take that method.",
        415 => "This route takes application/json.",
        429 => "Too many requests; wait a second and ask again.",
        _ => $"The request was answered with {status}.",
    };

    [LoggerMessage(LogLevel.Warning, "The database could not serve a request: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
    private partial void LogFault(Exception fault, string method, string path);
}
