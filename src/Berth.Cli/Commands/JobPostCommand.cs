using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using System.Text.Json;
using Berth.Cli.Network;
using Berth.Cli.Rendering;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Cli.Commands;

/// <summary><c>berth job post</c>: a definition, or words for a shell, onto a market.</summary>
internal static class JobPostCommand
{
    public static Command Make(Surroundings around)
    {
        var access = new ServerAccess(around);
        var what = new Argument<string[]>("definition")
        {
            Description = "The job definition: a file, an http(s) address, or - for standard input. Or, after --, words for the shell of an image.",
            Arity = ArgumentArity.OneOrMore,
        };
        var market = new Option<string?>("--market", "-m") { Description = "The market: slug or address. Not needed where there is one only.", HelpName = "market" };
        var timeout = new Option<TimeSpan?>("--timeout", "-t")
        {
            Description = "The longest the job may run (90s, 10m, 2h; a bare number is minutes). Default: the market's.",
            HelpName = "time",
            CustomParser = Durations.Parse,
        };
        var image = new Option<string>("--image", "-i") { Description = "The image words after -- run in.", HelpName = "image", DefaultValueFactory = _ => "ubuntu" };
        var gpu = new Option<bool>("--gpu") { Description = "Words after -- get the GPUs of a slot." };
        var node = JobCommand.AddressOption("--node", "Only this node may run it.");
        var wait = new Option<bool>("--wait", "-w") { Description = "Stay, show what happens, and exit with the job's code." };
        var isPublic = new Option<bool>("--public") { Description = "Let everybody read its definition, logs and result." };
        var confidential = new Option<bool>("--confidential") { Description = "Seal definition, logs and result, so that nobody but you and the node can read them." };
        var maxPrice = new Option<Nos?>("--max-price")
        {
            Description = "Post only if the market costs at most so many NOS a second.",
            HelpName = "nos",
            CustomParser = argument =>
            {
                var text = argument.Tokens is [{ Value: var value }] ? value : "";
                if (Nos.TryParse(text, null, out var price))
                {
                    return price;
                }

                argument.AddError($"--max-price takes NOS a second with at most six decimals, not '{text}'.");
                return null;
            },
        };
        var attempts = new Option<int>("--attempts") { Description = "How often it may be tried when nodes are lost, 1 or 2.", HelpName = "count", DefaultValueFactory = _ => 2 };
        var waitForFit = new Option<bool>("--wait-for-fit") { Description = "Queue it even if no node of the market could run it now." };
        var artefacts = ArtefactOption.Make();
        var sources = SourceOption.Make();
        var format = CommonOptions.Format();
        var command = new Command("post", "Post a job to a market.")
        {
            what, market, timeout, image, gpu, sources, artefacts, node, wait, confidential, isPublic, maxPrice, attempts, waitForFit, access.Server, access.Key, format,
        };
        command.SetAction((parsed, ct) => access.KeyedAsync(parsed, async (client, key) =>
        {
            var asJson = parsed.GetValue(format) == OutputFormat.Json;
            var (text, definition, fault) = await DefinitionAsync(around, parsed, what, parsed.GetRequiredValue(image), parsed.GetValue(gpu), asJson, ct);
            if (text is null || definition is null || await MarketAsync(around, client, parsed.GetValue(market), ct) is not { } chosen)
            {
                return text is null || definition is null ? fault : ExitCode.WrongUse;
            }

            if (await SourceOption.SendAsync(around, client, key.Address, parsed.GetRequiredValue(sources), asJson, ct) is not { } mounts)
            {
                return ExitCode.WrongUse;
            }

            using var id = SigningKey.New();
            using var own = DecryptionKey.Of(key);
            var post = new JobPost
            {
                Job = new JobId(id.Address.Value),
                Market = chosen,
                Definition = Encoding.UTF8.GetString(text.Bytes.Span),
                Format = text.Format == DocumentFormat.Yaml ? DefinitionFormat.Yaml : DefinitionFormat.Json,
                TimeoutSeconds = parsed.GetValue(timeout) is { } most ? (long)Math.Ceiling(most.TotalSeconds) : null,
                Node = parsed.GetValue(node),
                Attempts = parsed.GetValue(attempts),
                IsPublic = parsed.GetValue(isPublic),
                MaxPrice = parsed.GetValue(maxPrice),
                WaitForFit = parsed.GetValue(waitForFit),
                Artefacts = [.. parsed.GetRequiredValue(artefacts)],
                Sources = [.. mounts],
            };
            var isConfidential = parsed.GetValue(confidential) || definition.Logistics is not null;
            if (isConfidential && post.IsPublic)
            {
                await around.Error.WriteLineAsync("berth: a job is public or confidential, not both.");
                return ExitCode.WrongUse;
            }

            if (isConfidential && (post.Artefacts.Length > 0 || post.Sources.Length > 0))
            {
                await around.Error.WriteLineAsync("berth: what a confidential job takes along or leaves behind would not be sealed yet; post it without --upload and --artifact.");
                return ExitCode.WrongUse;
            }

            try
            {
                var made = await new SealedPost(client, key, own).MakeAsync(post, definition, isConfidential, ct);
                var view = await access.OnceAsync(() => client.PostAsync(made, ct), ct);
                return parsed.GetValue(wait)
                    ? await StayAsync(around, client, own, view, asJson, ct)
                    : Tell(around, view, asJson);
            }
            catch (MarketException away) when (away.IsTransient)
            {
                throw new MarketException($"{away.Message} Whether the job was posted is not known: berth job get {post.Job} tells.", away.Problem, away.Status, away);
            }
            catch (HandoverException cannot)
            {
                await around.Error.WriteLineAsync($"berth: {cannot.Message}");
                return ExitCode.WrongUse;
            }
        }));
        return command;
    }

    /// <summary>Stays with the job; leaving does not stop it.</summary>
    public static async Task<ExitCode> StayAsync(Surroundings around, MarketClient client, DecryptionKey key, JobView job, bool asJson, CancellationToken ct)
    {
        if (!asJson && job.Waiting is { } why)
        {
            await around.Error.WriteLineAsync($"place {job.QueuePosition} in the queue. {why}");
        }

        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var serving = job.Sealing == JobSealing.Poster
            ? new HandoverServer(client, key, around.Time, line => Say(around, line, asJson)) { Only = job.Facts.Job }.ServeAsync(over.Token)
            : Task.CompletedTask;
        try
        {
            using var opened = await OpenedJob.OpenAsync(client, job, key, ct);
            return await new JobFollower(around, client, job.Facts.Job, asJson ? Showing.Json : Showing.Text) { Opened = opened }.FollowAsync(ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            await around.Error.WriteLineAsync($"\nThe job goes on{(job.Sealing == JobSealing.Poster ? ", if a node has what is sealed in it already; else keep berth job serve running" : "")}. See it: berth job logs -f {job.Facts.Job}  Stop it: berth job stop {job.Facts.Job}");
            return ExitCode.Interrupted;
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAny(serving);
        }
    }

    private static void Say(Surroundings around, string line, bool asJson)
    {
        if (!asJson)
        {
            around.Error.WriteLine(line);
        }
    }

    private static ExitCode Tell(Surroundings around, JobView job, bool asJson)
    {
        if (asJson)
        {
            Printed.Json(around, job, json => json.JobView);
            return ExitCode.Success;
        }

        around.WriteLine(job.Facts.Job.Value);
        around.Error.WriteLine(job.Facts.State == JobState.Running
            ? $"A node has it already. {job.Deposit} NOS are deposited. See it: berth job logs -f {job.Facts.Job}"
            : $"Place {job.QueuePosition} in the queue of {job.Facts.Market}. {job.Waiting} {job.Deposit} NOS are deposited. See it: berth job logs -f {job.Facts.Job}");
        if (job.Sealing == JobSealing.Poster)
        {
            around.Error.WriteLine("A node that takes it waits for what is sealed in it: keep berth job serve running, until the job has begun at least.");
        }

        return ExitCode.Success;
    }

    private static async Task<(DefinitionText?, JobDefinition?, ExitCode)> DefinitionAsync(
        Surroundings around, ParseResult parsed, Argument<string[]> what, string image, bool gpu, bool quiet, CancellationToken ct)
    {
        var words = parsed.GetRequiredValue(what);
        if (parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash))
        {
            var written = Words(words, image, gpu);
            return (new DefinitionText("the words after --", written, DocumentFormat.Json), JobDefinitionReader.Read(written).Definition, ExitCode.Success);
        }

        if (words.Length > 1)
        {
            await around.Error.WriteLineAsync($"berth: one definition at a time; words for a shell come after --: berth job post --market M -- {string.Join(' ', words)}");
            return (null, null, ExitCode.WrongUse);
        }

        var text = await DefinitionArgument.ReadTextAsync(around, words[0], showWarnings: !quiet, ct);
        return (text.Text, text.Definition, text.Definition is null ? text.Fault : ExitCode.Success);
    }

    // As the clients of the network write it (job-language.md 5.1).
    private static byte[] Words(string[] words, string image, bool gpu)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("version", "0.1");
            json.WriteString("type", "container");
            json.WriteStartObject("meta");
            json.WriteString("trigger", "cli");
            json.WriteEndObject();
            json.WriteStartArray("ops");
            json.WriteStartObject();
            json.WriteString("type", "container/run");
            json.WriteString("id", "run-from-cli");
            json.WriteStartObject("args");
            json.WriteString("cmd", string.Join(' ', words));
            json.WriteString("image", image);
            if (gpu)
            {
                json.WriteBoolean("gpu", true);
            }

            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }

    private static async Task<string?> MarketAsync(Surroundings around, MarketClient client, string? named, CancellationToken ct)
    {
        if (named is not null)
        {
            return named;
        }

        var markets = (await client.ListMarketsAsync(null, ct)).Items.Where(market => !market.IsClosed).ToList();
        if (markets is [var only])
        {
            return only.Slug;
        }

        await around.Error.WriteLineAsync(markets.Count == 0
            ? "berth: there is no market on this server; its operator makes one with berth market create."
            : $"berth: which market? --market takes one of {string.Join(", ", markets.Take(20).Select(market => market.Slug))}.");
        return null;
    }
}
