using System.CommandLine;
using Berth.Containers;
using Berth.Node.Runs;

namespace Berth.Cli.Commands;

/// <summary><c>berth prune</c>: removes what runs whose process died have left behind.</summary>
internal static class PruneCommand
{
    private static readonly TimeSpan KeepByDefault = TimeSpan.FromDays(7);

    public static Command Make(Surroundings around)
    {
        var keep = new Option<TimeSpan?>("--keep")
        {
            Description = "How long logs and results of ended runs are kept (90s, 10m, 2h, 1d). Default 7d.",
            HelpName = "time",
            CustomParser = Durations.Parse,
        };
        var command = new Command("prune", "Remove containers, networks and volumes that no live run owns, and old run folders.") { keep };
        command.SetAction(async (parsed, ct) => (int)await RunAsync(around, parsed.GetValue(keep) ?? KeepByDefault, ct));
        return command;
    }

    private static Task<ExitCode> RunAsync(Surroundings around, TimeSpan keep, CancellationToken ct) => RunAsync(around, [(around.LocalNode, around.StateDirectory)], keep, ct);

    /// <summary>Removes what each of the nodes, by its name on the engine and its folder, has left behind.</summary>
    public static async Task<ExitCode> RunAsync(Surroundings around, IEnumerable<(string Name, string Folder)> nodes, TimeSpan keep, CancellationToken ct)
    {
        await using var engine = DockerEngine.Connect(EngineAddress.Find(around.Environment));
        var told = 0;
        var isClean = true;
        foreach (var (name, folder) in nodes)
        {
            isClean &= await new Sweeper(engine, name, folder, around.Time).SweepAsync(keep, Tell, ct);
        }

        if (told == 0)
        {
            around.WriteLine("Nothing to remove.");
        }

        return isClean ? ExitCode.Success : ExitCode.Unreachable;

        void Tell(string sentence)
        {
            told++;
            around.WriteLine(sentence);
        }
    }
}
