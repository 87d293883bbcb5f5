using Berth.Market;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Berth.Server;

/// <summary>Metrics as Prometheus' text at <c>/metrics</c>; metrics and traces by OTLP where an address is given.</summary>
internal static class Telemetry
{
    public static void AddTelemetry(this IServiceCollection services, ServerOptions options)
    {
        var telemetry = services.AddOpenTelemetry().ConfigureResource(resource => resource.AddService("berth-server", serviceVersion: ServerHost.Version));
        telemetry.WithMetrics(metrics =>
        {
            metrics.AddMeter(MarketMeters.Name).AddAspNetCoreInstrumentation().AddRuntimeInstrumentation().AddPrometheusExporter();
            if (options.Otlp is { } to)
            {
                metrics.AddOtlpExporter(otlp => otlp.Endpoint = to);
            }
        });
        if (options.Otlp is { } collector)
        {
            telemetry.WithTracing(traces => traces.AddAspNetCoreInstrumentation().AddSource("Npgsql").AddOtlpExporter(otlp => otlp.Endpoint = collector));
        }
    }

    public static void MapTelemetry(this IEndpointRouteBuilder application) => application.MapPrometheusScrapingEndpoint();
}
