using Berth.Jobs;
using Berth.Jobs.Results;

namespace Berth.Node.Artefacts;

/// <summary>What the folder of an artefact is called where those of a job lie side by side: after its operation, and after its name too unless it is the operation's <c>output</c>.</summary>
public static class ArtefactFolder
{
    public static string NameOf(OperationId operation, string artefact)
    {
        var text = artefact == ArtefactWish.Output ? operation.Value : $"{operation}.{artefact}";
        var name = string.Concat(text.Select(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' ? character : '_'));
        return name.Trim('.') is { Length: > 0 } usable ? usable : "_";
    }
}
