using System.Collections.Immutable;
using System.CommandLine;
using System.Text;
using System.Text.Json;
using Berth.Cli.Rendering;
using Berth.Jobs.Definitions;
using Berth.Node.Resources;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Cli.Commands;

/// <summary><c>berth market</c>: what there is to choose from, and what the operator does with it.</summary>
internal static class MarketCommand
{
    public static Command Make(Surroundings around) => new("market", "See the markets of a server; make and change them as its operator.")
    {
        MakeList(around), MakeGet(around), MakeCreate(around), MakeUpdate(around), MakeClose(around),
    };

    private static Command MakeList(Surroundings around)
    {
        var access = new ServerAccess(around);
        var format = CommonOptions.Format();
        var command = new Command("list", "List the markets: GPUs, price, what waits and runs.") { access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.AnyoneAsync(parsed, async client =>
        {
            var markets = new List<MarketFacts>();
            for (string? after = null; ;)
            {
                var page = await client.ListMarketsAsync(after, ct);
                markets.AddRange(page.Items);
                if ((after = page.Next) is null)
                {
                    break;
                }
            }

            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                Printed.Json(around, new Page<MarketFacts>([.. markets], null), json => json.PageMarketFacts);
            }
            else if (markets.Count == 0)
            {
                await around.Error.WriteLineAsync("There is no market yet. The server's operator makes one: berth market create SLUG --price NOS");
            }
            else
            {
                Table.Write(
                    around,
                    ["MARKET", "GPUS", "NOS/S", "NOS/H", "QUEUED", "RUNNING", "FREE SLOTS", "NODES"],
                    [.. markets.Select(market => (IReadOnlyList<string>)
                    [
                        market.Slug + (market.IsClosed ? " (closed)" : ""), market.GpuTypes.IsEmpty ? "none" : string.Join(", ", market.GpuTypes), $"{market.Price}", $"{market.Price * 3600}",
                        $"{market.JobsWaiting}", $"{market.JobsRunning}", $"{market.SlotsWaiting}", $"{market.Nodes}",
                    ])]);
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Command MakeGet(Surroundings around)
    {
        var access = new ServerAccess(around);
        var (market, format) = (MarketArgument(), CommonOptions.Format());
        var command = new Command("get", "Show one market.") { market, access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.AnyoneAsync(parsed, async client =>
            Print(around, await client.GetMarketAsync(parsed.GetRequiredValue(market), ct), parsed.GetValue(format))));
        return command;
    }

    private static Command MakeCreate(Surroundings around)
    {
        var access = new ServerAccess(around);
        var slug = new Argument<string>("slug") { Description = "Its short name: small letters, digits, hyphens." };
        var wishes = new Wishes(priceRequired: true);
        var format = CommonOptions.Format();
        var command = new Command("create", "Make a market. Sign with the operator's key.") { slug, access.Server, access.Key, format };
        wishes.AddTo(command);
        command.SetAction((parsed, ct) => access.SignedAsync(parsed, async (client, _) =>
        {
            var draft = new MarketDraft { Slug = parsed.GetRequiredValue(slug), Price = parsed.GetValue(wishes.Price)!.Value };
            var market = await client.CreateMarketAsync(
                draft with
                {
                    GpuTypes = Wishes.List(parsed, wishes.Gpus) ?? draft.GpuTypes,
                    DefaultTimeoutSeconds = Wishes.Seconds(parsed, wishes.Timeout) ?? Math.Min(draft.DefaultTimeoutSeconds, Wishes.Seconds(parsed, wishes.LargestTimeout) ?? long.MaxValue),
                    LargestTimeoutSeconds = Wishes.Seconds(parsed, wishes.LargestTimeout) ?? Math.Max(draft.LargestTimeoutSeconds, Wishes.Seconds(parsed, wishes.Timeout) ?? 0),
                    RequiredImages = Wishes.List(parsed, wishes.Images) ?? draft.RequiredImages,
                    RequiredResources = Wishes.Objects(parsed, wishes.Resources) ?? draft.RequiredResources,
                    Access = wishes.Admitted(parsed),
                },
                ct);
            return Print(around, market, parsed.GetValue(format));
        }));
        return command;
    }

    private static Command MakeUpdate(Surroundings around)
    {
        var access = new ServerAccess(around);
        var (market, format) = (MarketArgument(), CommonOptions.Format());
        var wishes = new Wishes(priceRequired: false);
        var open = new Option<bool>("--open") { Description = "Let any node serve it again." };
        var command = new Command("update", "Change a market; what is not named stays. Jobs posted before keep their price. Sign with the operator's key.")
        {
            market, open, access.Server, access.Key, format,
        };
        wishes.AddTo(command);
        command.SetAction((parsed, ct) => access.SignedAsync(parsed, async (client, _) => Print(
            around,
            await client.ChangeMarketAsync(
                parsed.GetRequiredValue(market),
                new MarketChange
                {
                    Price = parsed.GetValue(wishes.Price),
                    GpuTypes = Wishes.List(parsed, wishes.Gpus),
                    DefaultTimeoutSeconds = Wishes.Seconds(parsed, wishes.Timeout),
                    LargestTimeoutSeconds = Wishes.Seconds(parsed, wishes.LargestTimeout),
                    RequiredImages = Wishes.List(parsed, wishes.Images),
                    RequiredResources = Wishes.Objects(parsed, wishes.Resources),
                    Access = wishes.Admitted(parsed),
                    OpenAccess = parsed.GetValue(open),
                },
                ct),
            parsed.GetValue(format))));
        return command;
    }

    private static Command MakeClose(Surroundings around)
    {
        var access = new ServerAccess(around);
        var (market, format) = (MarketArgument(), CommonOptions.Format());
        var command = new Command("close", "Take no more jobs or nodes; what waits is stopped and refunded, what runs ends in its time. Sign with the operator's key.")
        {
            market, access.Server, access.Key, format,
        };
        command.SetAction((parsed, ct) => access.SignedAsync(parsed, async (client, _) =>
            Print(around, await client.CloseMarketAsync(parsed.GetRequiredValue(market), ct), parsed.GetValue(format))));
        return command;
    }

    private static Argument<string> MarketArgument() => new("market") { Description = "The market: slug or address." };

    private static ExitCode Print(Surroundings around, MarketFacts market, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            Printed.Json(around, market, json => json.MarketFacts);
            return ExitCode.Success;
        }

        Table.WritePairs(
            around,
            ("market", market.Slug + (market.IsClosed ? " (closed)" : "")),
            ("address", market.Address.Value),
            ("GPUs", market.GpuTypes.IsEmpty ? "none" : string.Join(", ", market.GpuTypes)),
            ("price", Printed.Price(market.Price)),
            ("timeout", $"{Printed.Span(market.DefaultTimeoutSeconds)} by default, {Printed.Span(market.LargestTimeoutSeconds)} at most"),
            ("images", market.RequiredImages.IsEmpty ? null : string.Join(", ", market.RequiredImages)),
            ("resources", market.RequiredResources.IsEmpty ? null : string.Join(", ", market.RequiredResources.Select(NameOf))),
            ("admits", market.Access is not { } access ? "any node" : access.IsEmpty ? "no node" : string.Join(", ", access)),
            ("jobs", $"{market.JobsWaiting} queued, {market.JobsRunning} running"),
            ("nodes", $"{market.Nodes}, {market.SlotsWaiting} slots waiting"));
        return ExitCode.Success;
    }

    private static string NameOf(JsonElement resource) =>
        JobDefinitionReader.ReadResource(Encoding.UTF8.GetBytes(resource.GetRawText())).Resource is { } read ? $"{read.Type} {ResourceName.Of(read)}" : resource.GetRawText();

    /// <summary>What an operator may want of a market.</summary>
    private sealed class Wishes(bool priceRequired)
    {
        public Option<Nos?> Price { get; } = new("--price")
        {
            Description = "NOS a second, at most six decimals.",
            HelpName = "nos",
            Required = priceRequired,
            CustomParser = argument =>
            {
                var text = argument.Tokens is [{ Value: var value }] ? value : "";
                if (Nos.TryParse(text, null, out var price))
                {
                    return price;
                }

                argument.AddError($"--price takes NOS a second with at most six decimals, not '{text}'.");
                return null;
            },
        };

        public Option<string[]> Gpus { get; } = Many("--gpu-type", "A model of GPU in it, for people to read; may be repeated.", "model");

        public Option<TimeSpan?> Timeout { get; } = Span("--timeout", "What a job may take that says nothing of it. Default 60m.");

        public Option<TimeSpan?> LargestTimeout { get; } = Span("--largest-timeout", "The most a job may take. Default 24h.");

        public Option<string[]> Images { get; } = Many("--image", "An image that its nodes keep at hand; may be repeated.", "image");

        public Option<string[]> Resources { get; } = Many(
            "--resource", "A resource that its nodes keep at hand, as JSON in the form of a definition's resources without a target; may be repeated.", "json");

        public Option<Address?[]> Admit { get; } = new("--admit")
        {
            Description = "A node that may serve it; may be repeated, and then no other may.",
            HelpName = "address",
            CustomParser = argument => [.. argument.Tokens.Select(token =>
            {
                if (Address.TryParse(token.Value, null, out var address))
                {
                    return (Address?)address;
                }

                argument.AddError($"--admit takes an address, base58 of 32 bytes, not '{token.Value}'.");
                return null;
            })],
        };

        public void AddTo(Command command)
        {
            Resources.Validators.Add(result =>
            {
                foreach (var fault in result.Tokens.SelectMany(token => JobDefinitionReader.ReadResource(Encoding.UTF8.GetBytes(token.Value)).Problems).Where(problem => problem.Severity == Severity.Error))
                {
                    result.AddError($"--resource: {fault.Path}: {fault.Message}");
                }
            });
            foreach (var option in new Option[] { Price, Gpus, Timeout, LargestTimeout, Images, Resources, Admit })
            {
                command.Add(option);
            }
        }

        public static ImmutableArray<string>? List(ParseResult parsed, Option<string[]> option) => parsed.GetValue(option) is { Length: > 0 } texts ? [.. texts] : null;

        public static ImmutableArray<JsonElement>? Objects(ParseResult parsed, Option<string[]> option) => List(parsed, option) is { } texts ? [.. texts.Select(Object)] : null;

        private static JsonElement Object(string json)
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return document.RootElement.Clone();
        }

        public static long? Seconds(ParseResult parsed, Option<TimeSpan?> option) => parsed.GetValue(option) is { } span ? (long)span.TotalSeconds : null;

        public ImmutableArray<Address>? Admitted(ParseResult parsed) => parsed.GetValue(Admit) is { Length: > 0 } addresses ? [.. addresses.OfType<Address>()] : null;

        private static Option<string[]> Many(string name, string description, string help) => new(name) { Description = description, HelpName = help };

        private static Option<TimeSpan?> Span(string name, string description) => new(name) { Description = description, HelpName = "time", CustomParser = Durations.Parse };
    }
}
