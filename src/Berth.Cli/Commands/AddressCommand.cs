using System.CommandLine;

namespace Berth.Cli.Commands;

/// <summary><c>berth address</c>: this user's address, alone on its line.</summary>
internal static class AddressCommand
{
    public static Command Make(Surroundings around)
    {
        var format = CommonOptions.Format();
        var command = new Command("address", "Print your address, the one others pay and know you by.") { format };
        command.SetAction(parsed => (int)Run(around, parsed.GetValue(format) == OutputFormat.Json));
        return command;
    }

    private static ExitCode Run(Surroundings around, bool asJson)
    {
        using var key = OwnKey.Read(around, file: null);
        if (key is null)
        {
            return ExitCode.WrongUse;
        }

        if (asJson)
        {
            KeyCommand.WriteJson(around, key.Address, around.KeyFile);
        }
        else
        {
            around.WriteLine(key.Address.ToString());
        }

        return ExitCode.Success;
    }
}
