using System.Collections.Immutable;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Node.Resources;

namespace Berth.Node.Runs;

/// <summary>One of an operation's resources on this machine, and where the container wants it.</summary>
internal sealed record ResourceMount(int Index, Resource Resource, CachedResource Entry)
{
    public string Target => Resource.Target!.TrimEnd('/');
}

/// <summary>Gets an operation's resources onto the machine, one after the other, with progress.</summary>
internal sealed class ResourceFetches(RunScope scope)
{
    /// <summary>All of them; what the journal says is here already is taken as it is, without asking anybody.</summary>
    /// <exception cref="ResourceException">One of them cannot be had.</exception>
    public async Task<ImmutableArray<ResourceMount>> EnsureAsync(OperationId operation, ImmutableArray<Resource> resources, CancellationToken ct)
    {
        CheckTargets(resources);
        var mounts = ImmutableArray.CreateBuilder<ResourceMount>();
        foreach (var (index, resource) in resources.Index())
        {
            var ready = scope.Journal.StateOf(operation).Resources.FirstOrDefault(known => known.Index == index);
            var entry = (ready is null ? null : scope.Resources.Cache.Find(ready.Key)) ?? await BringAsync(operation, index, resource, ct);
            mounts.Add(new ResourceMount(index, resource, entry));
        }

        return mounts.ToImmutable();
    }

    private async Task<CachedResource> BringAsync(OperationId operation, int index, Resource resource, CancellationToken ct)
    {
        var name = ResourceName.Of(resource);
        var watch = new ResourceWatch(
            progress => scope.Journal.Note(new ResourceProgressed(operation, index, name)
            {
                CurrentBytes = progress.Bytes,
                TotalBytes = progress.TotalBytes,
                FilesDone = progress.Files,
                Files = progress.TotalFiles,
                BytesPerSecond = (long)progress.BytesPerSecond,
                TimeLeft = progress.Left,
            }),
            sentence => scope.Journal.Note(new Notice(NoticeLevel.Warning, sentence, operation)));
        var (entry, wasHere) = await scope.Resources.BringAsync(resource, scope.Folder, watch, ct);
        scope.Journal.Append(new ResourceReady(operation, index, name, entry.Key) { Bytes = entry.Bytes, Files = entry.FileCount, WasHere = wasHere });
        return entry;
    }

    // What is mounted read-only can have nothing mounted inside it that was not there.
    private static void CheckTargets(ImmutableArray<Resource> resources)
    {
        var targets = resources.Select(resource => resource.Target!.TrimEnd('/')).Order(StringComparer.Ordinal).ToArray();
        foreach (var (target, next) in targets.Zip(targets.Skip(1)))
        {
            if (next == target || next.StartsWith(target + "/", StringComparison.Ordinal))
            {
                throw new ResourceException(
                    ResourceFault.Unusable, $"Two resources cannot have one target, nor can one lie inside another's: {target} and {next}. Give each a folder of its own.");
            }
        }
    }
}
