using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Node.Exposure;

namespace Berth.Node.Runs;

/// <summary>
/// Removes what no live run owns: containers, networks, volumes and firewall rules of runs whose process is gone, and the folders of
/// runs that ended long ago. A run is live while some process holds its folder's lock, and nothing is made before that lock is held.
/// </summary>
public sealed class Sweeper(IContainerEngine engine, string node, string stateDirectory, TimeProvider time)
{
    private readonly NetworkGuard _guard = new(time);

    /// <summary>Sweeps once; each removal and each failure to remove is told in a sentence as it happens. True when everything could be removed.</summary>
    public async Task<bool> SweepAsync(TimeSpan keepFolders, Action<string> tell, CancellationToken ct)
    {
        var owned = await engine.ListOwnedAsync(RunNames.NodeLabel, node, ct);
        var unended = RunFolder.All(stateDirectory).Where(folder => !RunState.Of(EventsOf(folder)).IsEnded).Select(folder => folder.Run);
        var runs = owned
            .Select(thing => RunId.TryParse(thing.Labels.GetValueOrDefault(RunNames.RunLabel), null, out var run) ? run : (RunId?)null)
            .OfType<RunId>()
            .Union(unended);
        var isClean = true;
        foreach (var run in runs)
        {
            using var lease = RunFolder.Of(stateDirectory, run).TryOwn();
            if (lease is not null)
            {
                isClean &= await SweepRunAsync(run, [.. owned.Where(thing => thing.Labels.GetValueOrDefault(RunNames.RunLabel) == run.Value)], tell, ct);
            }
        }

        RemoveOldFolders(keepFolders, tell);
        return isClean;
    }

    private async Task<bool> SweepRunAsync(RunId run, OwnedThing[] things, Action<string> tell, CancellationToken ct)
    {
        var isClean = true;
        foreach (var thing in things.OrderBy(thing => thing.Kind))
        {
            try
            {
                await RemoveAsync(thing, ct);
                tell($"Removed {Word(thing.Kind)} {thing.Name}.");
            }
            catch (EngineException fault) when (fault.Fault != EngineFault.Unreachable)
            {
                isClean = false;
                tell($"Could not remove {Word(thing.Kind)} {thing.Name}: {fault.Message}");
            }
        }

        await _guard.LowerAsync(RunNames.BridgeOf(run), ct);
        CloseJournal(RunFolder.Of(stateDirectory, run));
        return isClean;
    }

    private Task RemoveAsync(OwnedThing thing, CancellationToken ct) => thing.Kind switch
    {
        OwnedKind.Container => engine.RemoveAsync(thing.Name, ct),
        OwnedKind.Network => engine.RemoveNetworkAsync(thing.Name, ct),
        OwnedKind.Volume => engine.RemoveVolumeAsync(thing.Name, ct),
        _ => throw new System.Diagnostics.UnreachableException($"No way to remove a {thing.Kind}."),
    };

    private void CloseJournal(RunFolder folder)
    {
        using var journal = RunJournal.Open(folder.Journal, time, _ => { });
        if (!journal.State.IsEnded)
        {
            journal.Append(new RunEnded(RunOutcome.Lost) { Message = "Its process died and berth prune removed what it had made." });
        }
    }

    private void RemoveOldFolders(TimeSpan keep, Action<string> tell)
    {
        foreach (var folder in RunFolder.All(stateDirectory).ToArray())
        {
            if (RunState.Of(EventsOf(folder)) is not { EndedAt: { } ended } || time.GetUtcNow() - ended < keep)
            {
                continue;
            }

            using (var lease = folder.TryOwn())
            {
                if (lease is null)
                {
                    continue;
                }

                Directory.Delete(folder.Path, recursive: true);
            }

            tell($"Removed the logs of run {folder.Run}, ended {ended:yyyy-MM-dd HH:mm}.");
        }
    }

    private static IEnumerable<RunEvent> EventsOf(RunFolder folder) => File.Exists(folder.Journal) ? RunJournal.Read(folder.Journal) : [];

    private static string Word(OwnedKind kind) => kind switch
    {
        OwnedKind.Container => "container",
        OwnedKind.Network => "network",
        OwnedKind.Volume => "volume",
        _ => throw new System.Diagnostics.UnreachableException($"No word for a {kind}."),
    };
}
