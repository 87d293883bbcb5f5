using System.CommandLine;
using Berth.Cli.Network;
using Berth.Protocol.Sealing;

namespace Berth.Cli.Commands;

/// <summary><c>berth job serve</c>: hands over what is sealed in this user's jobs, to each node that gets one.</summary>
internal static class JobServeCommand
{
    public static Command Make(Surroundings around)
    {
        var access = new ServerAccess(around);
        var command = new Command("serve", "Stay, and hand over the secrets of your jobs to the nodes that get them.") { access.Server, access.Key };
        command.SetAction((parsed, ct) => access.KeyedAsync(parsed, async (client, key) =>
        {
            using var own = DecryptionKey.Of(key);
            await around.Error.WriteLineAsync($"handing over for jobs of {own.Owner}, until Ctrl-C");
            try
            {
                await new HandoverServer(client, own, around.Time, around.Error.WriteLine).ServeAsync(ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                // That is how it ends.
            }

            return ExitCode.Interrupted;
        }));
        return command;
    }
}
