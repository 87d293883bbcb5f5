using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Berth.Jobs.Definitions;
using Berth.Node.Resources;

namespace Berth.Node.Work;

/// <summary>Gets the resources that a market requires onto the machine before any work is asked for, for as long as it takes, and has them kept.</summary>
internal sealed class ResourcePrefetch(NodeScope scope)
{
    private static readonly TimeSpan SayingPace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    public async Task EnsureAsync(ImmutableArray<JsonElement> resources, CancellationToken ct)
    {
        var keys = new List<string>();
        foreach (var text in resources.Select(resource => resource.GetRawText()))
        {
            if (JobDefinitionReader.ReadResource(Encoding.UTF8.GetBytes(text)).Resource is not { } resource)
            {
                scope.Log.Say($"The market requires a resource that this version of Berth cannot read, so it is not fetched: {text}");
                continue;
            }

            CachedResource? here = null;
            for (var pause = TimeSpan.FromSeconds(5); (here = await TryAsync(resource, pause, ct)) is null; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
            {
                await Task.Delay(pause, scope.Time, ct);
            }

            keys.Add(here.Key);
        }

        scope.Resources.Cache.Require(scope.Node.Value, keys);
    }

    private async Task<CachedResource?> TryAsync(Resource resource, TimeSpan pause, CancellationToken ct)
    {
        var name = ResourceName.Of(resource);
        var said = scope.Time.GetTimestamp();
        try
        {
            var (entry, wasHere) = await scope.Resources.BringAsync(
                resource,
                run: null,
                new ResourceWatch(
                    progress =>
                    {
                        if (progress.Bytes == 0)
                        {
                            scope.Log.Say($"Fetching {name}, which the market requires.");
                        }
                        else if (scope.Time.GetElapsedTime(said) >= SayingPace)
                        {
                            said = scope.Time.GetTimestamp();
                            scope.Log.Say($"Fetching {name}: {progress.Bytes >> 20}{(progress.TotalBytes is { } total ? $" of {total >> 20}" : "")} MiB.");
                        }
                    },
                    scope.Log.Say),
                ct);
            if (!wasHere)
            {
                scope.Log.Say($"Fetched {name}.");
            }

            return entry;
        }
        catch (ResourceException fault)
        {
            scope.Log.Say($"{fault.Message} Trying again in {pause.TotalSeconds:0} s.");
            return null;
        }
    }
}
