using Berth.Jobs;
using Berth.Jobs.Results;

namespace Berth.Node.Artefacts;

/// <summary>An artefact to be taken out of a container: whose it is, what it is called, and where it is.</summary>
internal sealed record TakenArtefact(OperationId Operation, string Name, string Path)
{
    /// <summary>As people know it.</summary>
    public string Words => Name == ArtefactWish.Output ? $"The output {Path}" : $"The artefact '{Name}' ({Path})";
}

/// <summary>Where artefacts of a run go: a folder of this machine (<see cref="OutputFolders"/>), or the market (<see cref="OutputUploads"/>).</summary>
internal interface IOutputPlace
{
    /// <summary>Called before anything is taken, and before it is written down that it will be.</summary>
    /// <exception cref="IOException">There is no room for it.</exception>
    void Prepare(TakenArtefact artefact, bool wasBegun);

    /// <summary>Takes the engine's tar of the artefact; the event that tells of it, and what was left out of it on purpose.</summary>
    /// <exception cref="IOException">It cannot be kept.</exception>
    /// <exception cref="InvalidDataException">It is more than it may be, or no tar that can be read.</exception>
    Task<(RunEvent Kept, IReadOnlyList<string> LeftOut)> TakeAsync(TakenArtefact artefact, Stream tar, Action<int, long> progress, CancellationToken ct);
}
