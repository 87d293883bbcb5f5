using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Berth.Cli.Network;
using Berth.Cli.Rendering;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Cli.Commands;

/// <summary><c>berth demo</c>: a whole network on this machine for one job: a server, a market, a node, a client. Nothing of it stays.</summary>
internal static class DemoCommand
{
    private const string Market = "demo";
    private static readonly Nos Price = new(48);
    private static readonly Nos Purse = new(1_000_000);
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(45);

    public static Command Make(Surroundings around)
    {
        var source = CommonOptions.Source();
        var format = CommonOptions.Format();
        var command = new Command("demo", "Run a job through a network of its own on this machine: a server, a market, a node. Nothing of it stays.") { source, format };
        command.SetAction(async (parsed, ct) => (int)await RunAsync(around, parsed.GetRequiredValue(source), parsed.GetValue(format) == OutputFormat.Json, ct));
        return command;
    }

    /// <summary>1 read the job, 2 start the server and be its operator, 3 start a node in a market, 4 post as a client who was granted NOS, 5 follow, 6 say what it cost, 7 end everything.</summary>
    private static async Task<ExitCode> RunAsync(Surroundings around, string source, bool asJson, CancellationToken ct)
    {
        // 1
        var (text, definition, fault) = await DefinitionArgument.ReadTextAsync(around, source, showWarnings: !asJson, ct);
        if (definition is null)
        {
            return fault;
        }

        if (ServerProgram.Find(around) is not { } program)
        {
            await around.Error.WriteLineAsync("berth: the server's program berth-server is not beside this one.");
            return ExitCode.WrongUse;
        }

        var folder = Directory.CreateTempSubdirectory("berth-demo-").FullName;
        await using var parts = new DemoParts(around, folder);
        try
        {
            // 2
            var server = new Uri($"http://127.0.0.1:{FreePort()}");
            parts.Start("server", program, "--data", Path.Combine(folder, "server"), "--listen", server.OriginalString);
            using var operatorKey = await parts.KeyAsync(Path.Combine(folder, "server", "operator.json"), StartPatience, ct);
            using var keeper = MarketClient.Connect(server, operatorKey, around.Time);
            await parts.UntilAsync("server", async () => await keeper.DescribeAsync(ct) is not null, StartPatience, ct);
            await keeper.CreateMarketAsync(new MarketDraft { Slug = Market, Price = Price }, ct);

            // 3
            using var nodeKey = SigningKey.New();
            using var clientKey = SigningKey.New();
            KeyFile.Write(Path.Combine(folder, "node.json"), nodeKey, overwrite: false);
            parts.Start(
                "node", Environment.ProcessPath!, "node", "start", "--market", Market, "--server", server.OriginalString, "--key", Path.Combine(folder, "node.json"), "--allow-private-network", "--drain-timeout", "1s");

            // 4
            await keeper.GrantAsync(clientKey.Address, new Grant(Purse), "demo", ct);
            using var client = MarketClient.Connect(server, clientKey, around.Time);
            await parts.UntilAsync("node", async () => (await client.GetMarketAsync(Market, ct)).Nodes > 0, StartPatience, ct);
            using var id = SigningKey.New();
            var job = await client.PostAsync(
                new JobPost
                {
                    Job = new JobId(id.Address.Value),
                    Market = Market,
                    Definition = Encoding.UTF8.GetString(text.Bytes.Span),
                    Format = text.Format == DocumentFormat.Yaml ? DefinitionFormat.Yaml : DefinitionFormat.Json,
                },
                ct);

            // 5
            var code = await new JobFollower(around, client, job.Facts.Job, asJson ? Showing.Json : Showing.Text).FollowAsync(ct);

            // 6
            if (!asJson)
            {
                var ended = await client.GetJobAsync(job.Facts.Job, ct);
                var earned = await keeper.GetAccountAsync(nodeKey.Address, ct);
                await around.Error.WriteLineAsync(
                    $"{Printed.Price(Price)}: the client paid {ended.Cost} of the {ended.Deposit} NOS deposited, the node {Printed.Short(nodeKey.Address.Value)} earned {earned.Balance}. "
                    + "Keep a market yourself: berth server; then berth node start, berth job post.");
            }

            return code;
        }
        catch (MarketException refused) when (!ct.IsCancellationRequested)
        {
            await around.Error.WriteLineAsync($"berth: {refused.Message}");
            await parts.TellAsync();
            return refused.IsTransient ? ExitCode.Unreachable : ExitCode.WrongUse;
        }
        catch (TimeoutException late)
        {
            await around.Error.WriteLineAsync($"berth: {late.Message}");
            await parts.TellAsync();
            return ExitCode.Unreachable;
        }
        finally
        {
            // 7
            await parts.EndAsync(EndPatience);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
