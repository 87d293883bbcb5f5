using System.CommandLine;
using Berth.Jobs.Results;

namespace Berth.Cli.Commands;

/// <summary>The option by which a run or a post keeps more than the definition's own output.</summary>
internal static class ArtefactOption
{
    public static Option<ArtefactWish[]> Make() => new("--artifact")
    {
        Description = "Keep this folder or file of a container too when it has ended: NAME=PATH, or OP:NAME=PATH where the job has several. May be given again.",
        HelpName = "name=path",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        DefaultValueFactory = _ => [],
        CustomParser = result =>
        {
            var wishes = new List<ArtefactWish>();
            foreach (var token in result.Tokens)
            {
                if (!ArtefactWish.TryParse(token.Value, out var wish))
                {
                    result.AddError($"--artifact takes NAME=PATH or OP:NAME=PATH, such as model=/data/model.bin, not '{token.Value}'.");
                }
                else if (wish.Fault is { } fault)
                {
                    result.AddError(fault);
                }
                else
                {
                    wishes.Add(wish);
                }
            }

            if (wishes.DistinctBy(wish => (wish.Operation, wish.Name)).Count() < wishes.Count)
            {
                result.AddError("Two artefacts of one container have the same name.");
            }

            return [.. wishes];
        },
    };
}
