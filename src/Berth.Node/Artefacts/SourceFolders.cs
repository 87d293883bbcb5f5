using Berth.Containers;
using Berth.Node.Runs;
using Berth.Node.Work;
using Berth.Protocol;

namespace Berth.Node.Artefacts;

/// <summary>
/// Brings the folders that a job was posted with to this machine, into the folder of the run: checked by their content ids, unpacked with care, there until the run is over. What a
/// process that died had fetched serves the next.
/// </summary>
internal sealed class SourceFolders(Lease lease, RunFolder folder, NodeScope scope)
{
    private static readonly TimeSpan Patience = TimeSpan.FromDays(1);

    private string Home => Path.Combine(folder.Path, "sources");

    /// <summary>The folders, and where containers see them.</summary>
    /// <exception cref="MarketException">The market does not have one, or says that the run is not this node's.</exception>
    /// <exception cref="InvalidDataException">One is not what its content id says, or does not unpack.</exception>
    /// <exception cref="IOException">The disk is full.</exception>
    public async Task<IReadOnlyList<FolderBinding>> FetchAsync(CancellationToken ended)
    {
        var bindings = new List<FolderBinding>();
        foreach (var source in lease.Sources)
        {
            var place = Path.Combine(Home, source.Content.Value);
            if (!Directory.Exists(place))
            {
                await FetchAsync(source, place, ended);
            }

            bindings.Add(new FolderBinding(place, source.Target));
        }

        return bindings;
    }

    /// <summary>The run is over; nobody sees them any more.</summary>
    public void Remove()
    {
        try
        {
            if (Directory.Exists(Home))
            {
                Directory.Delete(Home, recursive: true);
            }
        }
        catch (Exception kept) when (kept is IOException or UnauthorizedAccessException)
        {
            scope.Log.Say($"Folders of job {lease.Job} could not be removed ({kept.Message}); they go with the run's folder.");
        }
    }

    private async Task FetchAsync(SourceMount source, string place, CancellationToken ended)
    {
        Directory.CreateDirectory(Home);
        var (packed, unpacking) = ($"{place}.part", $"{place}.unpacking");
        await new ContentFetch(scope.Client, lease.Job, source.Content, scope.Time) { Patience = Patience }.FetchAsync(packed, ended);
        if (Directory.Exists(unpacking))
        {
            Directory.Delete(unpacking, recursive: true);
        }

        await ArtefactUnpacking.UnpackAsync(packed, unpacking, scope.Limits.OutputFiles, scope.Limits.SourceBytes / 4, (_, _) => { }, ended);
        Directory.Move(unpacking, place);
        File.Delete(packed);
    }
}
