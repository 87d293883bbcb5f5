using System.CommandLine;
using System.Text.Json;
using Berth.Cli.Rendering;
using Berth.Node.Work;

namespace Berth.Cli.Commands;

/// <summary><c>berth node status</c>, <c>drain</c> and <c>stop</c>: what is said to the node of this machine, over its socket.</summary>
internal static class NodeLocalCommand
{
    private static NodeJson Indented => field ??= new NodeJson(new JsonSerializerOptions(NodeJson.Default.Options) { WriteIndented = true });

    public static Command MakeStatus(Surroundings around) => Make(around, "status", "Show what the node of this machine does.", NodeAct.Status);

    public static Command MakeDrain(Surroundings around) => Make(around, "drain", "Let the node of this machine finish what it runs and leave.", NodeAct.Drain);

    public static Command MakeStop(Surroundings around) => Make(around, "stop", "Let the node of this machine hand back what it runs and leave.", NodeAct.Stop);

    private static Command Make(Surroundings around, string name, string description, NodeAct act)
    {
        var address = new Option<string?>("--node") { Description = "The node's address, when several work on this machine.", HelpName = "address" };
        var format = CommonOptions.Format();
        var command = new Command(name, description) { address, format };
        command.SetAction(async (parsed, ct) => (int)await AskAsync(around, act, parsed.GetValue(address), parsed.GetValue(format), ct));
        return command;
    }

    private static async Task<ExitCode> AskAsync(Surroundings around, NodeAct act, string? address, OutputFormat format, CancellationToken ct)
    {
        var alive = new List<(NodeHome Home, NodeStatus Status)>();
        foreach (var home in NodeHome.All(around.StateDirectory).Where(home => address is null || home.Node.Value == address))
        {
            if (await NodeSocket.AskAsync(home, new NodeWish(NodeAct.Status), ct) is { } status)
            {
                alive.Add((home, status));
            }
        }

        switch (alive)
        {
            case []:
                await around.Error.WriteLineAsync(
                    address is null ? "berth: no node is at work on this machine; one is started with: berth node start --market MARKET" : $"berth: the node {address} is not at work on this machine.");
                return ExitCode.WrongUse;
            case [var (home, status)]:
                var answer = act == NodeAct.Status ? status : await NodeSocket.AskAsync(home, new NodeWish(act), ct);
                Print(around, answer ?? status, format);
                return ExitCode.Success;
            default:
                await around.Error.WriteLineAsync($"berth: several nodes are at work here; say which with --node: {string.Join(", ", alive.Select(one => one.Home.Node))}");
                return ExitCode.WrongUse;
        }
    }

    private static void Print(Surroundings around, NodeStatus status, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            around.Output.Write(JsonSerializer.SerializeToUtf8Bytes(status, Indented.NodeStatus));
            around.Output.WriteByte((byte)'\n');
            return;
        }

        Table.WritePairs(
            around,
            ("Node", status.Node.Value),
            ("Market", status.Market + (status.IsServerThere ? "" : " (its server is away)")),
            ("Since", $"{Printed.Time(status.Since)}, process {status.Process}"),
            ("Draining", status.IsDraining ? "takes nothing new" : null));
        foreach (var slot in status.Slots)
        {
            var gpus = slot.Gpus.Length switch { 0 => "no GPU", 1 => "1 GPU", var count => $"{count} GPUs" };
            around.WriteLine(slot.Job is { } job
                ? $"Slot {slot.Slot} ({gpus}): job {job} since {Printed.Time(slot.Since)}"
                : $"Slot {slot.Slot} ({gpus}): {(slot.IsWaiting ? "waits for work" : "is not waiting for work")}");
        }
    }
}
