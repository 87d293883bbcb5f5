using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Berth.Jobs.Placeholders;

namespace Berth.Jobs.Definitions;

/// <summary>Reads <c>expose</c> in all its shapes (job-language.md 1.8): a number, a range, an object, a literal, or a list of these and markers.</summary>
internal sealed partial class ExposureReader(ArgumentsReader arguments, ProblemList problems, bool isFilled)
{
    private const string PortExpected = "a port from 1 to 65535, or a range such as \"8000-8005\"";
    private const int MostRestarts = 1_000_000;

    private static readonly ImmutableArray<string> Types = ["web", "api", "webapi", "websocket", "none"];
    private static readonly ImmutableArray<string> CheckTypes = ["http", "websocket"];
    private static readonly ImmutableArray<string> Methods = ["GET", "POST", "PUT", "DELETE"];

    public ImmutableArray<Exposure> Read(Form form)
    {
        if (form["expose"] is not { } expose)
        {
            return [];
        }

        var elements = expose is ListNode ? arguments.Elements(form, "expose")
            : expose is ObjectNode && arguments.PassesMarker(expose, form.At("expose")) ? []
            : [(Node: expose, Path: form.At("expose"))];

        var exposures = new List<Exposure>();
        foreach (var (node, path) in elements)
        {
            if (One(node, path) is not { } exposure)
            {
                continue;
            }

            if (exposures.FirstOrDefault(other => exposure.FirstPort <= other.LastPort && other.FirstPort <= exposure.LastPort) is { } taken)
            {
                problems.Error(path, node.Position, $"Port {exposure.Port} is exposed twice: {taken.Port} stands here already.", exposure.Port);
            }

            exposures.Add(exposure);
        }

        return [.. exposures];
    }

    private Exposure? One(DocumentNode node, DocumentPath path)
    {
        if (node is not ObjectNode)
        {
            return Ports(node, path);
        }

        var form = new Form((ObjectNode)node, path, problems).Knows(LanguageMembers.Exposure);
        var type = form.Word("type", Types) ?? "none";
        var checks = Checks(form);
        if (form.Required("port", PortExpected) is not { } port || Ports(port, form.At("port")) is not { } ports)
        {
            return null;
        }

        if (ports.FirstPort != ports.LastPort && !checks.IsEmpty)
        {
            form.Warn("health_checks", "Only a single port is checked, not a range; expose the port that answers by itself.");
        }

        return ports with { Type = type, HealthChecks = checks };
    }

    private Exposure? Ports(DocumentNode node, DocumentPath path)
    {
        switch (node)
        {
            case TextNode { Value: var text } when !isFilled && PlaceholderScanner.Whole(text, isKnown: null) is not null:
                return null;
            case TextNode { Value: var text } when Range.Match(text) is { Success: true } range:
                var first = Port(range.Groups["first"].Value);
                var last = range.Groups["last"] is { Success: true, Value: var end } ? Port(end) : first;
                if (first is null || last is null)
                {
                    break;
                }

                if (range.Groups["last"].Success && first >= last)
                {
                    problems.Error(path, node.Position, "A range of ports goes from the smaller to the larger.", text, PortExpected);
                    return null;
                }

                return new Exposure { FirstPort = first.Value, LastPort = last.Value };
            case NumberNode { Raw: var raw } when Port(raw) is { } port:
                return new Exposure { FirstPort = port, LastPort = port };
            case TextNode or NumberNode:
                break;
            default:
                Form.Wrong(node, path, PortExpected, problems);
                return null;
        }

        problems.Error(path, node.Position, $"This is no port: {PortExpected} is expected.", Form.Shown(node, path), PortExpected);
        return null;
    }

    private static int? Port(string raw) =>
        double.TryParse(raw, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && number is >= 1 and <= 65535 && Math.Floor(number) == number
            ? (int)number
            : null;

    private ImmutableArray<HealthCheck> Checks(Form exposure)
    {
        var checks = ImmutableArray.CreateBuilder<HealthCheck>();
        foreach (var (node, path) in arguments.Elements(exposure, "health_checks"))
        {
            if (Form.ObjectOf(node, path, problems) is { } form && Check(form) is { } check)
            {
                checks.Add(check);
            }
        }

        return checks.ToImmutable();
    }

    private HealthCheck? Check(Form form)
    {
        form.Required("type", "http or websocket");
        HealthCheck? check = form.Word("type", CheckTypes) switch
        {
            "http" => Http(form.Knows(LanguageMembers.HttpHealthCheck)),
            "websocket" => new WebSocketHealthCheck
            {
                ExpectedResponse = form.Knows(LanguageMembers.WebSocketHealthCheck).RequiredText("expected_response") ?? "",
            },
            _ => null,
        };
        if (check is null)
        {
            return null;
        }

        check = check with
        {
            Continuous = form.Flag("continuous") ?? false,
            RestartOnFailure = form.Flag("restart_on_failure") ?? false,
            MaxRestarts = form.Whole("max_restarts", 0, MostRestarts),
        };
        if (check is { RestartOnFailure: true, Continuous: false })
        {
            form.Warn("restart_on_failure", "This check ends with its first success, so it never restarts anything; add \"continuous\": true.");
        }

        if (check is { MaxRestarts: not null, RestartOnFailure: false })
        {
            form.Warn("max_restarts", "'max_restarts' is only read together with \"restart_on_failure\": true.");
        }

        return check;
    }

    private HttpHealthCheck Http(Form form)
    {
        var path = form.RequiredText("path") ?? "/";
        form.Required("method", $"one of {string.Join(", ", Methods)}");
        form.Required("expected_status", "a status from 100 to 599");
        if (path.AsSpan().IndexOfAnyInRange('\0', ' ') >= 0)
        {
            form.Refuse("path", "The path of a request has no spaces and no line breaks.");
        }

        return new HttpHealthCheck
        {
            Path = path.StartsWith('/') || arguments.IsOpen(path) ? path : "/" + path,
            Method = form.Word("method", Methods) ?? "GET",
            ExpectedStatus = form.Whole("expected_status", 100, 599) ?? 200,
            Headers = Headers(form),
            Body = form["body"] switch
            {
                null => null,
                TextNode { Value: var text } => text,
                var value => JobDefinitionWriter.Text(value),
            },
        };
    }

    private ImmutableArray<KeyValuePair<string, string>> Headers(Form form)
    {
        var headers = form.Map("headers", (value, path) => Form.TextOf(value, path, problems));
        foreach (var (name, value) in headers)
        {
            if (!isFilled && Marker.IsMarkerName(name))
            {
                continue;
            }

            if (!HeaderName.IsMatch(name) || value.AsSpan().IndexOfAny('\r', '\n') >= 0)
            {
                form.Refuse("headers", "The name of a header has no spaces or colons, and its value no line breaks.");
            }
        }

        return headers.RemoveAll(header => Marker.IsMarkerName(header.Key));
    }

    [GeneratedRegex(@"^(?<first>[0-9]{1,5})(?:-(?<last>[0-9]{1,5}))?\z")]
    private static partial Regex Range { get; }

    [GeneratedRegex(@"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\z")]
    private static partial Regex HeaderName { get; }
}
