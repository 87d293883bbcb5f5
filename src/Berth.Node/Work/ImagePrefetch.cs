using System.Collections.Immutable;
using Berth.Containers;

namespace Berth.Node.Work;

/// <summary>Gets the images that a market requires onto the machine before any work is asked for, for as long as it takes.</summary>
internal sealed class ImagePrefetch(NodeScope scope)
{
    private static readonly TimeSpan SayingPace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    public async Task EnsureAsync(ImmutableArray<string> images, CancellationToken ct)
    {
        foreach (var image in images)
        {
            for (var pause = TimeSpan.FromSeconds(5); !await TryAsync(image, pause, ct); pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
            {
                await Task.Delay(pause, scope.Time, ct);
            }
        }
    }

    private async Task<bool> TryAsync(string image, TimeSpan pause, CancellationToken ct)
    {
        try
        {
            if (await scope.Engine.FindImageAsync(image, ct) is null)
            {
                scope.Log.Say($"Fetching {image}, which the market requires.");
                await PullAsync(image, ct);
                scope.Log.Say($"Fetched {image}.");
            }

            return true;
        }
        catch (EngineException fault)
        {
            scope.Log.Say($"{fault.Message} Trying again in {pause.TotalSeconds:0} s.");
            return false;
        }
    }

    private async Task PullAsync(string image, CancellationToken ct)
    {
        var layers = new Dictionary<string, (long Current, long Total)>();
        var said = scope.Time.GetTimestamp();
        await foreach (var step in scope.Engine.PullAsync(image, login: null, ct))
        {
            if (step is { Layer: { } layer, Status: "Downloading" })
            {
                layers[layer] = (step.CurrentBytes ?? 0, step.TotalBytes ?? 0);
            }

            if (scope.Time.GetElapsedTime(said) >= SayingPace)
            {
                said = scope.Time.GetTimestamp();
                scope.Log.Say($"Fetching {image}: {layers.Values.Sum(part => part.Current) >> 20} of {layers.Values.Sum(part => part.Total) >> 20} MiB.");
            }
        }
    }
}
