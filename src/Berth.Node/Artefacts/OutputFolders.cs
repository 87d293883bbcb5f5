using Berth.Jobs.Results;
using Berth.Node.Runs;

namespace Berth.Node.Artefacts;

/// <summary>Copies artefacts to a folder of this machine: one folder an operation, and one for each further artefact of it.</summary>
internal sealed class OutputFolders(string directory, RunLimits limits) : IOutputPlace
{
    public void Prepare(TakenArtefact artefact, bool wasBegun)
    {
        var destination = DestinationOf(artefact);
        if (!wasBegun && Directory.Exists(destination) && Directory.EnumerateFileSystemEntries(destination).Any())
        {
            throw new IOException($"there is something in {destination} already, and nothing is written over.");
        }

        if (Directory.Exists(destination))
        {
            Directory.Delete(destination, recursive: true);
        }
    }

    public async Task<(RunEvent Kept, IReadOnlyList<string> LeftOut)> TakeAsync(TakenArtefact artefact, Stream tar, Action<int, long> progress, CancellationToken ct)
    {
        var destination = DestinationOf(artefact);
        var copied = await new OutputFolder(limits.OutputFiles, limits.OutputBytes).UnpackAsync(tar, destination, progress, ct);
        return (new OutputCopied(artefact.Operation, artefact.Path, destination, copied.Files, copied.Bytes) { Name = artefact.Name }, copied.LeftOut);
    }

    private string DestinationOf(TakenArtefact artefact) => Path.Combine(directory, ArtefactFolder.NameOf(artefact.Operation, artefact.Name));
}
