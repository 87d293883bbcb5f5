using Berth.Containers;
using Berth.Jobs.Results;
using Berth.Node.Runs;

namespace Berth.Node.Artefacts;

/// <summary>Takes what an operation that has ended leaves behind out of its container, while that still stands.</summary>
internal sealed class ArtefactCopy(string container, RunScope scope, StopSignal stop)
{
    private RunJournal Journal => scope.Journal;

    /// <summary>Null when it was taken, now or before this process, or there is none; else why it could not be.</summary>
    public async Task<OperationError?> TakeAsync(TakenArtefact artefact)
    {
        var known = Journal.StateOf(artefact.Operation);
        if (known.HasTaken(artefact.Name))
        {
            return null;
        }

        try
        {
            scope.Outputs.Prepare(artefact, known.OutputsBegun.Contains(artefact.Name));
            Journal.Append(Copying(artefact, 0, 0));
            await using var tar = await scope.Engine.CopyOutAsync(container, artefact.Path, stop.AtOnce);
            if (tar is null)
            {
                Journal.Append(new Notice(NoticeLevel.Warning, $"There is no {artefact.Path} in the container, so no {Kind(artefact)} was copied.", artefact.Operation));
                return null;
            }

            var shown = scope.Time.GetTimestamp();
            var (kept, leftOut) = await scope.Outputs.TakeAsync(
                artefact,
                tar,
                (files, bytes) =>
                {
                    if (scope.Time.GetElapsedTime(shown) > TimeSpan.FromMilliseconds(500))
                    {
                        shown = scope.Time.GetTimestamp();
                        Journal.Append(Copying(artefact, files, bytes));
                    }
                },
                stop.AtOnce);
            if (leftOut.Count > 0)
            {
                Journal.Append(new Notice(NoticeLevel.Warning, $"Left out of the {Kind(artefact)}, being links to outside, devices or odd names: {string.Join(", ", leftOut)}.", artefact.Operation));
            }

            Journal.Append(kept);
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException
            || fault is EngineException { Fault: not EngineFault.Unreachable })
        {
            return new OperationError(OperationFault.Output, $"{artefact.Words} could not be kept: {fault.Message}");
        }
    }

    private static OutputCopying Copying(TakenArtefact artefact, int files, long bytes) => new(artefact.Operation, artefact.Path, files, bytes) { Name = artefact.Name };

    private static string Kind(TakenArtefact artefact) => artefact.Name == ArtefactWish.Output ? "output" : "artefact";
}
