using Berth.Jobs.Definitions;
using Berth.Protocol;

namespace Berth.Market.Jobs;

/// <summary>Checks what a post says besides its definition: artefacts to keep, and folders to mount.</summary>
internal static class JobExtras
{
    private const int Most = 50;
    private const int LongestTarget = 256;

    /// <exception cref="RefusedException">One of them cannot be.</exception>
    public static void Check(JobPost post, JobDefinition? definition)
    {
        if (definition is null)
        {
            if (!post.Artefacts.IsEmpty || !post.Sources.IsEmpty)
            {
                throw RefusedException.Bad("What a confidential job takes along or leaves behind would not be sealed yet; post it without 'artefacts' and 'sources'.");
            }

            return;
        }

        if (post.Artefacts.Length > Most || post.Sources.Length > Most)
        {
            throw RefusedException.Bad($"A post has at most {Most} artefacts and {Most} sources.");
        }

        foreach (var wish in post.Artefacts)
        {
            if (wish is null || (wish.Fault ?? wish.FaultIn(definition)) is { } fault)
            {
                throw RefusedException.Bad(wish is null ? "An entry of 'artefacts' is null." : wish.Fault ?? wish.FaultIn(definition)!);
            }
        }

        if (post.Artefacts.DistinctBy(wish => (wish.Operation, wish.Name)).Count() < post.Artefacts.Length)
        {
            throw RefusedException.Bad("Two artefacts of one operation have the same name.");
        }

        foreach (var source in post.Sources)
        {
            if (source is null || source.Target is not { Length: > 1 and <= LongestTarget } target || target[0] != '/' || target.Contains('\0') || target.Split('/').Any(part => part is ".." or "."))
            {
                throw RefusedException.Bad($"'{source?.Target}' is no place for a folder in a container: a path from the root, such as {SourceMount.UsualTarget}.");
            }
        }

        if (post.Sources.DistinctBy(source => source.Target.TrimEnd('/')).Count() < post.Sources.Length)
        {
            throw RefusedException.Bad("Two folders cannot be seen at the same place.");
        }
    }
}
