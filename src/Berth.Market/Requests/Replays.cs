using Berth.Protocol;
using Berth.Protocol.Identity;
using Microsoft.AspNetCore.Http;

namespace Berth.Market.Requests;

/// <summary>Lets a signed request pass once. It stands behind the limit of the rate, as it may cost a write.</summary>
internal sealed class Replays(RequestDelegate next, NonceStore nonces)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (context.Features.Get<SignatureAccepted>() is { } signed && !await nonces.IsFirstAsync(signed, !HttpMethods.IsGet(context.Request.Method), context.RequestAborted))
        {
            throw new RefusedException(ProblemTypes.Replay, "A request with this signature came before; sign every request anew, with a nonce of its own.");
        }

        await next(context);
    }
}
