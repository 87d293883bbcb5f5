using System.Text.Json.Serialization;
using System.Threading.RateLimiting;
using Berth.Market.Accounts;
using Berth.Market.Content;
using Berth.Market.Jobs;
using Berth.Market.Markets;
using Berth.Market.Nodes;
using Berth.Market.Requests;
using Berth.Market.Runs;
using Berth.Market.Secrets;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Sealing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Berth.Market;

/// <summary>Puts the market into a web application.</summary>
public static class MarketRegistration
{
    /// <summary>Registers the market over the database: the path of a SQLite file, or PostgreSQL's address. The operator's key opens market-held secrets.</summary>
    public static IServiceCollection AddMarket(this IServiceCollection services, MarketOptions options, DecryptionKey key, string database)
    {
        services.AddSingleton(key);
        services.AddSingleton(options);
        services.AddSingleton(Database.DialectFor(database));
        services.AddSingleton<Wakeups>();
        services.AddSingleton<Database>();
        services.AddSingleton(provider => options.Content.Open(provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<UploadDesk>();
        services.AddSingleton<ContentGarbage>();
        services.AddSingleton<MarketMeters>();
        services.AddSingleton<JobChanges>();
        services.AddSingleton<JobDesk>();
        services.AddSingleton<JobStories>();
        services.AddSingleton<MarketQueue>();
        services.AddSingleton<RunDesk>();
        services.AddSingleton<LogArchive>();
        services.AddSingleton<SecretDesk>();
        services.AddSingleton<HandoverDesk>();
        services.AddSingleton<MarketDesk>();
        services.AddSingleton<NodeDesk>();
        services.AddSingleton<AccountDesk>();
        services.AddSingleton<NonceStore>();
        services.AddSingleton<OpenStreams>();
        services.AddSingleton<MarketKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<MarketKeeper>());
        services.AddHostedService<WakeupRelay>();
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, WireJson.Answers);
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
        });
        services.AddRateLimiter(limits => limits.GlobalLimiter = PartitionedRateLimiter.CreateChained(
            LimitBy(context => $"{context.Connection.RemoteIpAddress}", options.RequestsPerSecond * MarketOptions.CallersAtOneAddress),
            LimitBy(context => context.Features.Get<Caller>()?.Address.Value ?? $"{context.Connection.RemoteIpAddress}", options.RequestsPerSecond)));
        services.Configure<Microsoft.AspNetCore.RateLimiting.RateLimiterOptions>(limits => limits.RejectionStatusCode = StatusCodes.Status429TooManyRequests);
        return services;
    }

    // Keys cost nothing, so who makes a new one for each request is still one network address.
    private static PartitionedRateLimiter<HttpContext> LimitBy(Func<HttpContext, string> who, int perSecond) =>
        PartitionedRateLimiter.Create<HttpContext, string>(context => RateLimitPartition.GetTokenBucketLimiter(
            who(context),
            _ => new TokenBucketRateLimiterOptions { TokenLimit = perSecond * 10, TokensPerPeriod = perSecond, ReplenishmentPeriod = TimeSpan.FromSeconds(1), QueueLimit = 0 }));

    /// <summary>Brings the database to this program's form; called once before requests are served.</summary>
    /// <exception cref="StorageException">The database cannot be used.</exception>
    public static async Task PrepareMarketAsync(this IServiceProvider services, CancellationToken ct)
    {
        await Migrations.ApplyAsync(services.GetRequiredService<Database>(), ct);
        await services.GetRequiredService<NonceStore>().LoadAsync(ct);
    }

    /// <summary>Writes to the database and the content store, and returns when both took it.</summary>
    /// <exception cref="StorageException">One of them is away, full or read-only.</exception>
    public static async Task ProbeMarketAsync(this IServiceProvider services, CancellationToken ct)
    {
        await services.GetRequiredService<ContentStore>().ProbeAsync(ct);
        await services.GetRequiredService<Database>().WriteAsync(
            transaction => transaction.ExecuteAsync("insert into facts (name, value) values ('probe', '1') on conflict (name) do update set value = '1'", ct), ct);
    }

    /// <summary>What stands between every request and its route.</summary>
    public static IApplicationBuilder UseMarket(this IApplicationBuilder application) =>
        application.UseMiddleware<Problems>().UseRouting().UseMiddleware<SignedRequests>().UseRateLimiter().UseMiddleware<Replays>();

    /// <summary>Maps the routes of <c>/api/v1</c>.</summary>
    public static IEndpointRouteBuilder MapMarket(this IEndpointRouteBuilder application)
    {
        var routes = application.MapGroup("/api/v1").Refuses(400, 401, 429, 503);
        routes.MapGet("", (MarketOptions options, DecryptionKey key, TimeProvider time) => new ServerFacts
        {
            Version = options.Version,
            Operator = options.Operator,
            EncryptionKey = key.Published,
            Time = time.GetUtcNow(),
            EndpointDomain = options.EndpointDomain,
        }).WithTags("Server").WithSummary("What the server says of itself.");
        MarketRoutes.Map(routes);
        JobRoutes.Map(routes);
        RunRoutes.Map(routes);
        NodeRoutes.Map(routes);
        AccountRoutes.Map(routes);
        UploadRoutes.Map(routes);
        SecretRoutes.Map(routes);
        return application;
    }
}
