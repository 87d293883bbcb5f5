using System.CommandLine;
using Berth.Containers;
using Berth.Node.Capacity;
using Berth.Node.Exposure;
using Berth.Node.Resources;
using Berth.Node.Runs;
using Berth.Node.Work;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Cli.Commands;

/// <summary><c>berth node start</c>: takes jobs of a market until it is told to leave.</summary>
internal static class NodeStartCommand
{
    private static readonly TimeSpan DrainByDefault = TimeSpan.FromMinutes(10);

    public static Command Make(Surroundings around)
    {
        var access = new ServerAccess(around);
        var market = new Option<string>("--market", "-m") { Description = "The market to serve: its slug or address.", HelpName = "market", Required = true };
        var slots = new Option<string[]>("--slot")
        {
            Description = "GPUs that one job at a time may use (gpus=0,1 or gpus=GPU-uuid), or none. May be given again; one slot with all GPUs when left out.",
            HelpName = "gpus=ids|none",
            DefaultValueFactory = _ => [],
        };
        var allow = new Option<bool>("--allow-private-network") { Description = "Let jobs reach this machine and the private network around it." };
        var drain = new Option<TimeSpan?>("--drain-timeout")
        {
            Description = "How long running jobs may take to finish after SIGTERM or Ctrl-C (90s, 10m, 2h). Default 10m.",
            HelpName = "time",
            CustomParser = Durations.Parse,
        };
        var outputSize = new Option<int>("--output-size") { Description = "The most that one artefact of a job may have, unpacked, GiB.", HelpName = "gib", DefaultValueFactory = _ => 1024 };
        var outputFiles = new Option<int>("--output-files") { Description = "The most files that one artefact of a job may have.", HelpName = "count", DefaultValueFactory = _ => 1_000_000 };
        foreach (var most in new[] { outputSize, outputFiles })
        {
            most.Validators.Add(result =>
            {
                if (result.GetValue(most) < 1)
                {
                    result.AddError($"{most.Name} takes a number from 1.");
                }
            });
        }

        slots.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => SlotOf(token.Value) is null))
            {
                result.AddError($"--slot takes gpus= with a list of GPUs such as gpus=0,1 or gpus=GPU-uuid, or none, not '{token.Value}'.");
            }
        });
        var command = new Command("start", "Take jobs of a market and run them on this machine, until told to leave.") { market, slots, access.Server, access.Key, allow, drain, outputSize, outputFiles };
        var resources = new ResourceOptions(around);
        resources.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            if (access.Address(parsed) is not { } server || OwnKey.Read(around, parsed.GetValue(access.Key)) is not { } key)
            {
                return (int)ExitCode.WrongUse;
            }

            using (key)
            {
                var home = NodeHome.Of(around.StateDirectory, key.Address);
                using var opener = DecryptionKey.Of(key);
                var settings = new NodeSettings
                {
                    Key = opener,
                    Node = key.Address,
                    Market = parsed.GetRequiredValue(market),
                    StateDirectory = home.Path,
                    Slots = [.. parsed.GetRequiredValue(slots).Select(SlotOf).OfType<GpuChoice>()],
                    Guarding = parsed.GetValue(allow) ? Guarding.Never : Guarding.Always,
                    Limits = new RunLimits { OutputBytes = (long)parsed.GetValue(outputSize) << 30, OutputFiles = parsed.GetValue(outputFiles) },
                };
                return (int)await RunAsync(around, server, key, home, settings, resources.Settings(parsed), parsed.GetValue(drain) ?? DrainByDefault, ct);
            }
        });
        return command;
    }

    /// <summary>1 own the node's folder and its place at the engine, 2 see that jobs can be kept from this machine, 3 listen, 4 work until it is over.</summary>
    private static async Task<ExitCode> RunAsync(
        Surroundings around, Uri server, SigningKey key, NodeHome home, NodeSettings settings, ResourceSettings fetching, TimeSpan drainTimeout, CancellationToken ct)
    {
        // 1
        using var owned = home.TryOwn();
        var address = EngineAddress.Find(around.Environment);
        using var seat = AgentSeat.TryTake(home.Node, address);
        if (owned is null || seat is null)
        {
            await around.Error.WriteLineAsync($"berth: the node {home.Node} is at work already in another process on this machine{(owned is null ? "; see: berth node status" : ", with another state folder (BERTH_STATE)")}.");
            return ExitCode.WrongUse;
        }

        // 2
        await using var engine = DockerEngine.Connect(address);
        if (settings.Guarding == Guarding.Always && await new NetworkGuard(around.Time).ProbeAsync(await engine.DescribeAsync(ct), ct) is { } fault)
        {
            await around.Error.WriteLineAsync(
                $"berth: jobs of strangers could reach this machine and the private network around it: {fault}. Start the node as root, or say --allow-private-network.");
            return ExitCode.WrongUse;
        }

        // 3
        using var exit = new NodeExit(around.Time);
        using var signals = new StopOnSignals(() => exit.Drain(drainTimeout), exit.Stop, exit.Hurry);
        using var socket = NodeSocket.Listen(home, around.Time);
        using var client = MarketClient.Connect(server, key, around.Time);
        using var over = new CancellationTokenSource();
        using var resources = new ResourceStore(fetching, around.Time);
        var node = new NodeLoop(settings, engine, client, resources, new NodeLog(around.Time, line => Write(around, line)), exit, around.Time);
        var listening = socket.ServeAsync(wish => Heed(wish, node, exit), over.Token);
        try
        {
            // 4
            await node.RunAsync();
            return ExitCode.Success;
        }
        catch (NodeRefusedException refusal)
        {
            await around.Error.WriteLineAsync($"berth: {refusal.Message}");
            return ExitCode.WrongUse;
        }
        finally
        {
            await over.CancelAsync();
            await listening;
        }
    }

    private static NodeStatus Heed(NodeWish wish, NodeLoop node, NodeExit exit)
    {
        switch (wish.Act)
        {
            case NodeAct.Drain:
                exit.Drain(within: null);
                break;
            case NodeAct.Stop:
                exit.Stop();
                break;
            default:
                break;
        }

        return node.Status;
    }

    // The log goes to whoever reads it; that nobody does any more is no reason to leave.
    private static void Write(Surroundings around, string line)
    {
        try
        {
            around.Error.WriteLine(line);
        }
        catch (IOException)
        {
            // There is nowhere to say it.
        }
    }

    private static GpuChoice? SlotOf(string text) => text switch
    {
        "none" => GpuChoice.None,
        "gpus=all" => GpuChoice.All,
        _ when text.StartsWith("gpus=", StringComparison.Ordinal) => GpuChoice.Read(text["gpus=".Length..].TrimEnd(',') + ","),
        _ => null,
    };
}
