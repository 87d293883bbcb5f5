using System.CommandLine;
using System.Text.Json;
using Berth.Cli.Rendering;
using Berth.Jobs.Definitions;
using Berth.Node.Resources;

namespace Berth.Cli.Commands;

/// <summary><c>berth resource</c>: fetches resources by hand, and shows and empties the cache that runs fetch into.</summary>
internal static class ResourceCommand
{
    public static Command Make(Surroundings around) => new("resource", "Fetch resources by hand, and look after those that are kept.")
    {
        MakePull(around),
        MakeList(around),
        MakePrune(around),
    };

    private static Command MakePull(Surroundings around)
    {
        var type = new Argument<string>("type") { Description = "S3, HF, IPFS, Ollama, HTTP or Git." };
        var what = new Argument<string>("what") { Description = "The address, repository, content id or model." };
        var files = new Option<string[]>("--file") { Description = "Only this file, folder/ or pattern; may be given again.", HelpName = "name", DefaultValueFactory = _ => [] };
        var revision = new Option<string?>("--revision") { Description = "Branch, tag or commit, of HF and Git.", HelpName = "revision" };
        var digest = new Option<string?>("--sha256") { Description = "The digest it must have, of HTTP.", HelpName = "hex" };
        var options = new ResourceOptions(around);
        var command = new Command("pull", "Fetch a resource into the cache, where the next job that asks for it finds it. Keys come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, tokens from HF_TOKEN. Prints its folder.")
        {
            type, what, files, revision, digest,
        };
        options.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var asked = Json(around, parsed.GetRequiredValue(type), parsed.GetRequiredValue(what), parsed.GetRequiredValue(files), parsed.GetValue(revision), parsed.GetValue(digest));
            var reading = JobDefinitionReader.ReadResource(asked);
            if (reading.Resource is { } resource)
            {
                return (int)await PullAsync(around, options.Settings(parsed), resource, ct);
            }

            foreach (var problem in reading.Problems.Where(problem => problem.Severity == Severity.Error))
            {
                await around.Error.WriteLineAsync($"berth: {problem.Message}");
            }

            return (int)ExitCode.WrongUse;
        });
        return command;
    }

    private static async Task<ExitCode> PullAsync(Surroundings around, ResourceSettings settings, Resource resource, CancellationToken ct)
    {
        using var store = new ResourceStore(settings, around.Time);
        var live = around.IsErrorTerminal && around.HasColour ? new LiveLines(around.Error, Math.Max(40, Console.WindowWidth)) : null;
        var screen = new Lock();
        try
        {
            var (entry, wasHere) = await store.BringAsync(
                resource,
                run: null,
                new ResourceWatch(progress => Locked(() => live?.Set(0, Words(progress))), note => Locked(() => Above(note))),
                ct);
            Locked(() => live?.Set(0, null));
            await around.Error.WriteLineAsync($"{(wasHere ? "has" : "fetched")} {entry.Name} ({(entry.FileCount == 1 ? "1 file" : $"{entry.FileCount} files")}, {Durations.Size(entry.Bytes)}{(wasHere ? ", cached" : "")})");
            around.WriteLine(entry.Files);
            return ExitCode.Success;
        }
        catch (ResourceException fault)
        {
            Locked(() => live?.Set(0, null));
            await around.Error.WriteLineAsync($"berth: {fault.Message}");
            return fault.Fault is ResourceFault.Unavailable or ResourceFault.DiskFull ? ExitCode.Unreachable : ExitCode.JobFailed;
        }

        void Locked(Action act)
        {
            lock (screen)
            {
                act();
            }
        }

        void Above(string note)
        {
            if (live is null)
            {
                around.Error.WriteLine(note);
            }
            else
            {
                live.Above(() => around.Error.WriteLine(note));
            }
        }
    }

    private static string Words(TransferProgress progress) =>
        $"{Durations.Size(progress.Bytes)}{(progress.TotalBytes is { } total ? $" of {Durations.Size(total)}" : "")}" +
        $"{(progress.TotalFiles > 1 ? $", {progress.Files} of {progress.TotalFiles} files" : "")}, {Durations.Size((long)progress.BytesPerSecond)}/s{(progress.Left is { } left ? $", {Durations.Words(left)} left" : "")}";

    private static Command MakeList(Surroundings around)
    {
        var command = new Command("list", "What is kept, the one used last first.");
        command.SetAction(_ =>
        {
            var cache = new ResourceCache(ResourceSettings.FolderIn(around.StateDirectory), around.Time);
            var entries = cache.List();
            Table.Write(
                around,
                ["type", "size", "files", "used", "kept for", "name"],
                [.. entries.Select(entry => new[]
                {
                    entry.Type,
                    Durations.Size(entry.Bytes),
                    $"{entry.FileCount}",
                    $"{entry.UsedAt.ToLocalTime():yyyy-MM-dd HH:mm}",
                    cache.IsInUse(entry.Key) ? "a run" : cache.IsRequired(entry.Key) ? "a market" : "",
                    entry.Name,
                })]);
            return (int)ExitCode.Success;
        });
        return command;
    }

    private static Command MakePrune(Surroundings around)
    {
        var command = new Command("prune", "Remove what no run uses and no market requires.");
        command.SetAction(_ =>
        {
            var cache = new ResourceCache(ResourceSettings.FolderIn(around.StateDirectory), around.Time);
            var removed = cache.List().Where(cache.TryRemove).ToList();
            foreach (var entry in removed)
            {
                around.WriteLine($"Removed {entry.Name} ({Durations.Size(entry.Bytes)}).");
            }

            if (removed.Count == 0)
            {
                around.WriteLine("Nothing to remove.");
            }

            return (int)ExitCode.Success;
        });
        return command;
    }

    // The same words as in a definition, so that the same reader says what is wrong with them.
    private static byte[] Json(Surroundings around, string type, string what, string[] files, string? revision, string? digest)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            json.WriteString("type", type);
            json.WriteString(type switch { "HF" => "repo", "Ollama" => "model", "S3" when !what.Contains("://", StringComparison.Ordinal) => "bucket", _ => "url" }, what);
            if (files.Length > 0)
            {
                json.WriteStartArray("files");
                foreach (var file in files)
                {
                    json.WriteStringValue(file);
                }

                json.WriteEndArray();
            }

            if (revision is not null)
            {
                json.WriteString("revision", revision);
            }

            if (digest is not null)
            {
                json.WriteString("sha256", digest);
            }

            if (type == "HF" && around.Environment("HF_TOKEN") is { Length: > 0 } token)
            {
                json.WriteString("accessToken", token);
            }

            if (type == "S3" && around.Environment("AWS_ACCESS_KEY_ID") is { Length: > 0 } id && around.Environment("AWS_SECRET_ACCESS_KEY") is { Length: > 0 } secret)
            {
                json.WriteStartObject("IAM");
                json.WriteString("ACCESS_KEY_ID", id);
                json.WriteString("SECRET_ACCESS_KEY", secret);
                if (around.Environment("AWS_REGION") is { Length: > 0 } region)
                {
                    json.WriteString("REGION", region);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return text.ToArray();
    }
}
