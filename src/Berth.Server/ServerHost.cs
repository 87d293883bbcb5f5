using System.Net;
using System.Reflection;
using Berth.Market;
using Berth.Market.Storage;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;
using Microsoft.AspNetCore.HttpOverrides;

namespace Berth.Server;

/// <summary>Starts the market's server and says what it did.</summary>
internal static class ServerHost
{
    /// <summary>1 the operator's key, 2 the market over its database, 3 routes, 4 serve until told to stop.</summary>
    public static async Task<int> RunAsync(ServerOptions options, CancellationToken ct)
    {
        // 1
        MakeFolder(options.Data);
        using var operatorKey = OperatorOf(options);

        // 2 and 3
        await using var application = Build(options, operatorKey, TimeProvider.System);
        await application.Services.PrepareMarketAsync(ct);

        // 4
        await application.StartAsync(ct);
        Console.WriteLine($"berth server {Version} listens at {string.Join(", ", application.Urls)}; database {DatabaseAddress.Shown(options.DatabaseOrDefault)}; operator {operatorKey.Address}.");
        await application.WaitForShutdownAsync(ct);
        return 0;
    }

    /// <summary>The whole application, ready to be started.</summary>
    public static WebApplication Build(ServerOptions options, SigningKey operatorKey, TimeProvider time)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Logging.AddFilter("Berth", options.Log);

        // What keeps it from starting is told by whoever started it.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.WebHost.UseUrls(options.Listen.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = null;
        });
        builder.Services.AddSingleton(time);
        builder.Services.AddMarket(
            new MarketOptions
            {
                Operator = operatorKey.Address,
                Content = options.ContentPlace,
                Version = Version,
                EndpointDomain = options.Domain,
                Hosts = options.Hosts(),
                FeeBasisPoints = options.Fee,
                LeaseLength = TimeSpan.FromSeconds(options.Lease),
                RequestsPerSecond = options.Rate,
                OpenStreams = options.Streams,
                Keep = options.Keep > 0 ? TimeSpan.FromDays(options.Keep) : null,
                LargestArtefact = options.LargestArtefact << 20,
                LargestArtefacts = options.LargestArtefacts << 20,
                LargestUpload = options.LargestUpload << 20,
            },
            DecryptionKey.Of(operatorKey),
            options.DatabaseOrDefault);
        builder.Services.AddTelemetry(options);
        builder.Services.AddApiDescription();
        var application = builder.Build();
        UseProxies(application, options);
        application.UseMarket();
        application.MapMarket();
        application.MapHealth();
        application.MapTelemetry();
        application.MapOpenApi();
        return application;
    }

    /// <summary>As <c>berth --version</c> says it.</summary>
    public static string Version { get; } =
        typeof(ServerHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0.0.0";

    private static void UseProxies(WebApplication application, ServerOptions options)
    {
        if (options.Proxies() is not { Length: > 0 } proxies)
        {
            return;
        }

        var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor, ForwardLimit = null };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var proxy in proxies)
        {
            forwarded.KnownProxies.Add(IPAddress.Parse(proxy));
        }

        application.UseForwardedHeaders(forwarded);
    }

    // What is in it is nobody else's to read.
    private static void MakeFolder(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(path);
            }
            else
            {
                Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The data folder {path} cannot be made ({refused.Message}); name another with --data.", refused);
        }
    }

    /// <summary>The operator's key; it is made when there is none yet.</summary>
    private static SigningKey OperatorOf(ServerOptions options)
    {
        var path = options.OperatorKeyOrDefault;
        if (!File.Exists(path))
        {
            using var made = SigningKey.New();
            if (KeyFile.Write(path, made, overwrite: false))
            {
                Console.WriteLine($"Made the operator's key {made.Address} in {path}. Whoever has this file keeps the market: grants NOS, makes markets, earns the fee.");
            }
        }

        var reading = KeyFile.Read(path);
        var key = reading.Key ?? throw new InvalidDataException($"The operator's key {path} cannot be used: {reading.Fault}.");
        if (reading.Warning is { } warning)
        {
            Console.Error.WriteLine($"berth server: {warning}");
        }

        return key;
    }
}
