using System.CommandLine;
using Berth.Market.Storage;

namespace Berth.Server;

/// <summary>The command line of <c>berth server</c>: options in, a server or a check out, and exit codes: 0 ended as asked, 2 wrong use, 4 what it needs is not there.</summary>
internal static class ServerCommand
{
    private const int WrongUse = 2;
    private const int Unreachable = 4;

    public static async Task<int> RunAsync(string[] arguments)
    {
        var options = new (Option<string?> Option, string Key)[]
        {
            (Text("--data", "The folder of everything the server keeps. Default berth-data.", "dir"), nameof(ServerOptions.Data)),
            (Text("--listen", "Where it listens. Default http://127.0.0.1:7070.", "url"), nameof(ServerOptions.Listen)),
            (Text("--host", "The host names clients and nodes call it by, by comma; what is signed for another is refused. Default where it listens.", "names"), nameof(ServerOptions.Host)),
            (Text("--database", "A SQLite file (default market.db in the data folder), or postgres://user:password@host:port/name.", "database"), nameof(ServerOptions.Database)),
            (Text("--content", "Where definitions, results, logs and artefacts are: a folder, s3://bucket/prefix or ipfs+http://host:port. Default the folder content in the data folder.", "place"), nameof(ServerOptions.Content)),
            (Text("--s3-endpoint", "The address of the S3 service; its keys come by BERTH_SERVER_S3ACCESSKEY and BERTH_SERVER_S3SECRETKEY. Default Amazon's.", "url"), nameof(ServerOptions.S3Endpoint)),
            (Text("--s3-region", "The region of the S3 service. Default us-east-1.", "name"), nameof(ServerOptions.S3Region)),
            (Text("--operator-key", "The operator's key file; made at the first start. Default operator.json in the data folder.", "file"), nameof(ServerOptions.OperatorKey)),
            (Text("--domain", "The domain that endpoints are served under. Default localhost.", "domain"), nameof(ServerOptions.Domain)),
            (Text("--fee", "The network's fee in hundredths of a percent of what nodes earn. Default 0.", "points"), nameof(ServerOptions.Fee)),
            (Text("--lease", "How long a lease lasts without being renewed. Default 30.", "seconds"), nameof(ServerOptions.Lease)),
            (Text("--rate", "Requests a second that one caller may make. Default 100.", "count"), nameof(ServerOptions.Rate)),
            (Text("--proxy", "The IP addresses of proxies in front of it, by comma; whom they forward for is believed.", "addresses"), nameof(ServerOptions.Proxy)),
            (Text("--streams", "Event streams that one caller may hold open. Default 1000.", "count"), nameof(ServerOptions.Streams)),
            (Text("--keep", "Days that definitions, results, logs and artefacts are kept after their job's end. Default for ever.", "days"), nameof(ServerOptions.Keep)),
            (Text("--largest-artefact", "The most that one artefact may have, packed. Default 102400.", "mib"), nameof(ServerOptions.LargestArtefact)),
            (Text("--largest-artefacts", "The most that all artefacts of a run may have, packed. Default 204800.", "mib"), nameof(ServerOptions.LargestArtefacts)),
            (Text("--largest-upload", "The most that a folder may have that a job is posted with, packed. Default 10240.", "mib"), nameof(ServerOptions.LargestUpload)),
            (Text("--log", "How much it says about its work: debug, information, warning or error. Default information.", "level"), nameof(ServerOptions.Log)),
            (Text("--otlp", "Where traces and metrics go by OTLP. Default nowhere.", "url"), nameof(ServerOptions.Otlp)),
        };
        var config = Text("--config", "A JSON file with these options, without the dashes.", "file");
        var check = new Command("check", "Audit the database: every balance, booking, escrow and state, and that every content is there. Changes nothing.");
        var file = new Argument<string>("file") { Description = "A new file for the copy." };
        var backup = new Command("backup", "Copy the SQLite database, beside live servers, to a new file.") { file };
        var trial = new Option<bool>("--trial") { Description = "Only count them." };
        var collect = new Command("gc", "Remove contents that nothing refers to any more and that are older than a day. A running server does it every hour.") { trial };
        var root = new RootCommand("Keep a market: jobs, nodes, accounts. Each option can also be set in the environment, as BERTH_SERVER_DATA and so on.") { check, backup, collect, config };
        foreach (var (option, _) in options)
        {
            option.Recursive = true;
            root.Add(option);
        }

        config.Recursive = true;
        root.SetAction((parsed, ct) => WithOptionsAsync(parsed, ServerHost.RunAsync, ct));
        check.SetAction((parsed, ct) => WithOptionsAsync(parsed, ServerCheck.RunAsync, ct));
        backup.SetAction((parsed, ct) => WithOptionsAsync(parsed, (chosen, over) => ServerBackup.RunAsync(chosen, parsed.GetValue(file)!, over), ct));
        collect.SetAction((parsed, ct) => WithOptionsAsync(parsed, (chosen, stop) => ServerCollection.RunAsync(chosen, parsed.GetValue(trial), stop), ct));
        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync($"berth server: {error.Message}");
            }

            return WrongUse;
        }

        return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });

        async Task<int> WithOptionsAsync(ParseResult parsed, Func<ServerOptions, CancellationToken, Task<int>> run, CancellationToken ct)
        {
            try
            {
                var chosen = Read(parsed.GetValue(config), options.Select(one => KeyValuePair.Create(one.Key, parsed.GetValue(one.Option))));
                if (chosen.Faults() is { Count: > 0 } faults)
                {
                    throw new InvalidOperationException(string.Join(" ", faults));
                }

                return await run(chosen, ct);
            }
            catch (Exception wrong) when (wrong is InvalidOperationException or FileNotFoundException or FormatException or InvalidDataException)
            {
                await Console.Error.WriteLineAsync($"berth server: {wrong.Message}");
                return WrongUse;
            }
            catch (Exception missing) when (missing is StorageException or IOException or UnauthorizedAccessException)
            {
                await Console.Error.WriteLineAsync($"berth server: {missing.Message}");
                return Unreachable;
            }
        }
    }

    private static Option<string?> Text(string name, string description, string help) => new(name) { Description = description, HelpName = help };

    private static ServerOptions Read(string? file, IEnumerable<KeyValuePair<string, string?>> flags)
    {
        var builder = new ConfigurationBuilder();
        if (file is not null)
        {
            builder.AddJsonFile(Path.GetFullPath(file), optional: false);
        }

        var configuration = builder
            .AddEnvironmentVariables("BERTH_SERVER_")
            .AddInMemoryCollection(flags.Where(flag => flag.Value is not null))
            .Build();
        var options = new ServerOptions();
        configuration.Bind(options, binder => binder.ErrorOnUnknownConfiguration = file is not null);
        return options;
    }
}
