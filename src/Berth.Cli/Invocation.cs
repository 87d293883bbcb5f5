using System.CommandLine;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;
using Berth.Cli.Commands;
using Berth.Containers;
using Berth.Protocol;

namespace Berth.Cli;

/// <summary>Runs a parsed command line and turns what nobody caught into a sentence and an exit code.</summary>
internal static class Invocation
{
    public static async Task<ExitCode> RunAsync(RootCommand root, string[] arguments, Surroundings surroundings)
    {
        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await surroundings.Error.WriteLineAsync($"berth: {error.Message}");
            }

            await surroundings.Error.WriteLineAsync($"See: berth {Words(parsed.CommandResult)}--help");
            return ExitCode.WrongUse;
        }

        // The first signal lets the command clear up after itself; another ends the process at once.
        using var interrupted = new CancellationTokenSource();
        using var signals = new StopOnSignals(interrupted.Cancel, () => Environment.Exit((int)ExitCode.Interrupted));
        try
        {
            return (ExitCode)await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interrupted.Token);
        }
        catch (MarketException fault)
        {
            await surroundings.Error.WriteLineAsync($"berth: {fault.Message}");
            return fault.IsTransient ? ExitCode.Unreachable : ExitCode.WrongUse;
        }
        catch (OperationCanceledException)
        {
            return signals.Received == PosixSignal.SIGTERM ? ExitCode.Terminated : ExitCode.Interrupted;
        }
        catch (EngineException fault)
        {
            await surroundings.Error.WriteLineAsync($"berth: {fault.Message}");
            return fault.Fault == EngineFault.Refused ? ExitCode.WrongUse : ExitCodes.Of(fault.Fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            await surroundings.Error.WriteLineAsync($"berth: {fault.Message}");
            return ExitCode.Unreachable;
        }
    }

    /// <summary>The words after <c>berth</c> that lead to the command.</summary>
    private static string Words(CommandResult command) => command.Parent is CommandResult above ? $"{Words(above)}{command.Command.Name} " : "";
}
