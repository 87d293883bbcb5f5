using Berth.Protocol;
using Berth.Protocol.Identity;
using Microsoft.AspNetCore.Http;

namespace Berth.Market.Requests;

/// <summary>Who signed the request; a route that takes one refuses unsigned requests.</summary>
public sealed record Caller(Address Address)
{
    public static ValueTask<Caller?> BindAsync(HttpContext context) => context.Features.Get<Caller>() is { } caller
        ? ValueTask.FromResult<Caller?>(caller)
        : throw new RefusedException(ProblemTypes.NotSigned, "This needs a signature (RFC 9421, label 'berth', ed25519, keyid = your address); berth signs with --key or BERTH_KEY.");
}

/// <summary>Who signed the request, if anybody did.</summary>
public sealed record MaybeCaller(Address? Address)
{
    public static ValueTask<MaybeCaller?> BindAsync(HttpContext context) => ValueTask.FromResult<MaybeCaller?>(new MaybeCaller(context.Features.Get<Caller>()?.Address));
}
