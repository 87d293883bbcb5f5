using System.CommandLine;
using Berth.Cli.Rendering;
using Berth.Node.Work;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Cli.Commands;

/// <summary><c>berth node</c>: lends this machine to a market, and shows the nodes that there are.</summary>
internal static class NodeCommand
{
    private static readonly TimeSpan KeepByDefault = TimeSpan.FromHours(24);

    public static Command Make(Surroundings around) => new("node", "Lend this machine to a market, and see its nodes.")
    {
        NodeStartCommand.Make(around),
        NodeLocalCommand.MakeStatus(around),
        NodeLocalCommand.MakeDrain(around),
        NodeLocalCommand.MakeStop(around),
        MakeList(around),
        MakeView(around),
        NodeDoctorCommand.Make(around),
        MakePrune(around),
    };

    private static Command MakeList(Surroundings around)
    {
        var access = new ServerAccess(around);
        var market = new Option<string?>("--market", "-m") { Description = "Only the nodes of this market.", HelpName = "market" };
        var format = CommonOptions.Format();
        var command = new Command("list", "List the nodes of a server, by address.") { market, access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.AnyoneAsync(parsed, async client =>
        {
            var nodes = new List<NodeFacts>();
            for (string? after = null; ;)
            {
                var page = await client.ListNodesAsync(parsed.GetValue(market), after, ct);
                nodes.AddRange(page.Items);
                if ((after = page.Next) is null)
                {
                    break;
                }
            }

            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                Printed.Json(around, new Page<NodeFacts>([.. nodes], null), json => json.PageNodeFacts);
            }
            else if (nodes.Count == 0)
            {
                await around.Error.WriteLineAsync("There is no node yet. A machine becomes one with: berth node start --market MARKET");
            }
            else
            {
                Table.Write(
                    around,
                    ["NODE", "STATE", "MARKET", "SLOTS", "GPUS", "FINISHED", "LOST", "EARNED NOS", "LAST SEEN"],
                    [.. nodes.Select(node => (IReadOnlyList<string>)
                    [
                        node.Node.Value, $"{node.State}", node.Market, $"{node.Slots.Length}", Gpus(node.Machine), $"{node.Finished}", $"{node.Lost}", $"{node.Earned}", Printed.Time(node.LastSeen),
                    ])]);
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Command MakeView(Surroundings around)
    {
        var access = new ServerAccess(around);
        var address = new Argument<string?>("address") { Description = "The node's address; your own key's when left out.", Arity = ArgumentArity.ZeroOrOne };
        var format = CommonOptions.Format();
        var command = new Command("view", "Show one node: its machine, its slots, what it runs and has earned.") { address, access.Server, access.Key, format };
        command.SetAction(async (parsed, ct) =>
        {
            if (parsed.GetValue(address) is not { } named)
            {
                return await access.SignedAsync(parsed, async (client, own) => Print(around, await client.GetNodeAsync(own, ct), parsed.GetValue(format)));
            }

            if (!Address.TryParse(named, null, out var node))
            {
                await around.Error.WriteLineAsync($"berth: '{named}' is no address: base58 of 32 bytes.");
                return (int)ExitCode.WrongUse;
            }

            return await access.AnyoneAsync(parsed, async client => Print(around, await client.GetNodeAsync(node, ct), parsed.GetValue(format)));
        });
        return command;
    }

    private static Command MakePrune(Surroundings around)
    {
        var keep = new Option<TimeSpan?>("--keep")
        {
            Description = "How long logs of ended runs are kept (90s, 10m, 2h, 1d). Default 1d.",
            HelpName = "time",
            CustomParser = Durations.Parse,
        };
        var command = new Command("prune", "Remove what dead processes of this machine's nodes have left behind, and old run folders.") { keep };
        command.SetAction(async (parsed, ct) => (int)await PruneCommand.RunAsync(
            around, NodeHome.All(around.StateDirectory).Select(home => (home.Node.Value, home.Path)), parsed.GetValue(keep) ?? KeepByDefault, ct));
        return command;
    }

    private static ExitCode Print(Surroundings around, NodeFacts node, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            Printed.Json(around, node, json => json.NodeFacts);
            return ExitCode.Success;
        }

        Table.WritePairs(
            around,
            ("Node", node.Node.Value),
            ("State", $"{node.State}"),
            ("Market", node.Market),
            ("Runs", node.Jobs.IsEmpty ? null : string.Join(", ", node.Jobs)),
            ("Machine", $"{node.Machine.Cpus} CPUs, {node.Machine.MemoryMib >> 10} GiB of memory, {node.Machine.DiskMib >> 10} GiB free; {node.Machine.System}"),
            ("Engine", node.Machine.Engine),
            ("GPUs", Gpus(node.Machine)),
            ("Driver", node.Machine.Driver is { } driver ? $"{driver}, CUDA {node.Machine.Cuda / 100}.{node.Machine.Cuda % 100}" : null),
            ("Slots", string.Join("; ", node.Slots.Select(slot => $"{slot.Slot}: {slot.Gpus.Length} GPUs, {slot.Cpus} CPUs, {slot.MemoryMib >> 10} GiB"))),
            ("Finished", $"{node.Finished} attempts, {node.Lost} lost or refused"),
            ("Earned", $"{node.Earned} NOS"),
            ("Agent", node.Machine.Version),
            ("Registered", Printed.Time(node.RegisteredAt)),
            ("Last seen", Printed.Time(node.LastSeen)));
        return ExitCode.Success;
    }

    private static string Gpus(MachineFacts machine) => machine.Gpus.IsEmpty
        ? "none"
        : string.Join(", ", machine.Gpus.GroupBy(gpu => gpu.Model).Select(model => model.Count() == 1 ? model.Key : $"{model.Count()} × {model.Key}"));
}
