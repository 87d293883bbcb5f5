using System.CommandLine;
using Berth.Cli;
using Berth.Cli.Commands;

#pragma warning disable RS0030 // The one place that reads the environment.
using var surroundings = Surroundings.Of(Environment.GetEnvironmentVariable);
#pragma warning restore RS0030

var root = new RootCommand("Runs AI jobs on this machine, and on other people's GPUs.")
{
    RunCommand.Make(surroundings),
    NodeCommand.Make(surroundings),
    ValidateCommand.Make(surroundings),
    PlanCommand.Make(surroundings),
    SchemaCommand.Make(surroundings),
    PruneCommand.Make(surroundings),
    KeyCommand.Make(surroundings),
    AddressCommand.Make(surroundings),
};
return (int)await Invocation.RunAsync(root, args, surroundings);
