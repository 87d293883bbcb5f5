using System.Collections.Immutable;
using System.ComponentModel.DataAnnotations;
using System.Net;
using Berth.Market.Content;

namespace Berth.Server;

/// <summary>What an operator sets, by flag, environment (<c>BERTH_SERVER_…</c>) or file; checked before anything starts.</summary>
public sealed class ServerOptions
{
    /// <summary>The folder of everything the server keeps: operator's key, SQLite file, content.</summary>
    [Required]
    public string Data { get; set; } = "berth-data";

    /// <summary>Where it listens: <c>http://address:port</c>, several by <c>;</c>.</summary>
    [Required]
    public string Listen { get; set; } = "http://127.0.0.1:7070";

    /// <summary>
    /// The host names that clients and nodes call the server by, by <c>,</c>: what is signed for another is refused, so that nobody passes on to this server what was meant for theirs. By
    /// default those it listens at, and any when it listens at all addresses.
    /// </summary>
    public string? Host { get; set; }

    /// <summary>The path of a SQLite file (by default in <see cref="Data"/>), or <c>postgres://user:password@host:port/name</c>.</summary>
    public string? Database { get; set; }

    /// <summary>
    /// Where definitions, results, logs and artefacts are: a folder, by default in <see cref="Data"/>, <c>s3://bucket/prefix</c>, or <c>ipfs+http://host:port</c>. Servers of one market
    /// share it.
    /// </summary>
    public string? Content { get; set; }

    /// <summary>The address of the S3 service; Amazon's when null.</summary>
    public string? S3Endpoint { get; set; }

    /// <summary>The region of the S3 service.</summary>
    public string S3Region { get; set; } = "us-east-1";

    /// <summary>The access key of the S3 service, by environment (<c>BERTH_SERVER_S3ACCESSKEY</c>) or file only; when null, what the SDK finds on the machine.</summary>
    public string? S3AccessKey { get; set; }

    /// <summary>The secret key of the S3 service, by environment (<c>BERTH_SERVER_S3SECRETKEY</c>) or file only.</summary>
    public string? S3SecretKey { get; set; }

    /// <summary>The operator's key file, by default in <see cref="Data"/>; made at the first start.</summary>
    public string? OperatorKey { get; set; }

    /// <summary>The domain that endpoints of jobs are served under.</summary>
    [Required]
    public string Domain { get; set; } = "localhost";

    /// <summary>The network's fee, in hundredths of a percent of what nodes earn.</summary>
    [Range(0, 10_000)]
    public int Fee { get; set; }

    /// <summary>How long a lease lasts without being renewed, seconds.</summary>
    [Range(3, 3600)]
    public double Lease { get; set; } = 30;

    /// <summary>Requests a second that one caller may make on the long run; ten times as many at once.</summary>
    [Range(1, 1_000_000)]
    public int Rate { get; set; } = 100;

    /// <summary>The proxies in front of it, IP addresses by <c>,</c>: who they say that they forward for is believed.</summary>
    public string? Proxy { get; set; }

    /// <summary>Event streams that one caller may hold open.</summary>
    [Range(1, 1_000_000)]
    public int Streams { get; set; } = 1000;

    /// <summary>Days that definitions, results, logs and artefacts are kept after their job's end; 0 is for ever.</summary>
    [Range(0, 100_000)]
    public double Keep { get; set; }

    /// <summary>The most that one artefact may have, packed, MiB.</summary>
    [Range(1, 1L << 30)]
    public long LargestArtefact { get; set; } = 100 << 10;

    /// <summary>The most that all artefacts of a run may have, packed, MiB.</summary>
    [Range(1, 1L << 30)]
    public long LargestArtefacts { get; set; } = 200 << 10;

    /// <summary>The most that a folder may have that a job is posted with, packed, MiB.</summary>
    [Range(1, 1L << 30)]
    public long LargestUpload { get; set; } = 10 << 10;

    /// <summary>How much it says about its own work on the console: what is at least this severe.</summary>
    public LogLevel Log { get; set; } = LogLevel.Information;

    /// <summary>Where traces and metrics go by OTLP; none when null.</summary>
    public Uri? Otlp { get; set; }

    public string DatabaseOrDefault => Database ?? Path.Combine(Data, "market.db");

    public ContentPlace ContentPlace => new()
    {
        Place = Content ?? Path.Combine(Data, "content"),
        Endpoint = S3Endpoint,
        Region = S3Region,
        AccessKey = S3AccessKey,
        SecretKey = S3SecretKey,
    };

    public string OperatorKeyOrDefault => OperatorKey ?? Path.Combine(Data, "operator.json");

    /// <summary>What is wrong with the options, in sentences; empty when nothing is.</summary>
    public IReadOnlyList<string> Faults()
    {
        var faults = new List<ValidationResult>();
        Validator.TryValidateObject(this, new ValidationContext(this), faults, validateAllProperties: true);
        var unheard = Addresses()
            .Where(address => !Uri.TryCreate(address.Replace("*", "any", StringComparison.Ordinal).Replace("+", "any", StringComparison.Ordinal), UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            .Select(address => $"'{address}' is nowhere to listen; write http://address:port.");
        string?[] misplaced = [ContentPlace.Fault, .. Proxies().Select(proxy => IPAddress.TryParse(proxy, out _) ? null : $"'{proxy}' is no IP address of a proxy.")];
        return [.. faults.Select(fault => fault.ErrorMessage ?? "An option is wrong."), .. unheard, .. misplaced.OfType<string>()];
    }

    /// <summary>The names that requests may be signed for; empty for any.</summary>
    public ImmutableHashSet<string> Hosts()
    {
        if (Host is not null)
        {
            return Host.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).ToImmutableHashSet(StringComparer.OrdinalIgnoreCase);
        }

        var listens = Addresses().Select(address => Uri.TryCreate(address, UriKind.Absolute, out var uri) ? uri.Host.Trim('[', ']') : "").ToList();
        string[] loopback = listens.Any(host => host is "127.0.0.1" or "::1" or "localhost") ? ["127.0.0.1", "::1", "localhost"] : [];
        return listens.Any(host => host is "" or "0.0.0.0" or "::") ? [] : listens.Concat(loopback).ToImmutableHashSet(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The addresses of the proxies in front of it.</summary>
    public string[] Proxies() => (Proxy ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private string[] Addresses() => Listen.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
