using System.CommandLine;
using Berth.Cli;
using Berth.Cli.Commands;
using Berth.Cli.Network;

#pragma warning disable RS0030 // The one place that reads the environment.
using var surroundings = Surroundings.Of(Environment.GetEnvironmentVariable);
#pragma warning restore RS0030

if (args is ["server", .. var words])
{
    return ServerProgram.Become(surroundings, words);
}

var root = new RootCommand("Runs AI jobs on this machine, and on other people's GPUs.")
{
    RunCommand.Make(surroundings),
    JobCommand.Make(surroundings),
    SecretCommand.Make(surroundings),
    MarketCommand.Make(surroundings),
    AccountCommand.Make(surroundings),
    new Command("server", "Keep a market: start its server, or check its database (berth server --help)."),
    DemoCommand.Make(surroundings),
    NodeCommand.Make(surroundings),
    ValidateCommand.Make(surroundings),
    PlanCommand.Make(surroundings),
    SchemaCommand.Make(surroundings),
    PruneCommand.Make(surroundings),
    ResourceCommand.Make(surroundings),
    KeyCommand.Make(surroundings),
    AddressCommand.Make(surroundings),
};
return (int)await Invocation.RunAsync(root, args, surroundings);
