using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>Gets an operation's image onto the machine: present or pulled, with progress, tried again when the registry stumbles.</summary>
internal sealed class ImagePulls(IContainerEngine engine, RunJournal journal, PullPolicy policy, TimeProvider time)
{
    private const int Tries = 4;
    private static readonly TimeSpan ProgressPace = TimeSpan.FromMilliseconds(500);

    /// <summary>The image as the engine has it now.</summary>
    /// <exception cref="EngineException">It is not there and cannot be had.</exception>
    public async Task<ContainerImage> EnsureAsync(OperationId operation, string reference, RegistryLogin? login, CancellationToken ct)
    {
        var present = policy == PullPolicy.Always ? null : await engine.FindImageAsync(reference, ct);
        if (present is not null)
        {
            journal.Append(new ImageReady(operation, reference, present.Id, Pulled: false));
            return present;
        }

        if (policy == PullPolicy.Never)
        {
            throw new EngineException(EngineFault.ImageNotFound, $"The image {reference} is not on this machine and --pull never forbids to fetch it.");
        }

        await PullAsync(operation, reference, login, ct);
        var pulled = await engine.FindImageAsync(reference, ct)
            ?? throw new EngineException(EngineFault.Failed, $"The engine said it pulled {reference}, but does not have it.");
        journal.Append(new ImageReady(operation, reference, pulled.Id, Pulled: true));
        return pulled;
    }

    private async Task PullAsync(OperationId operation, string reference, RegistryLogin? login, CancellationToken ct)
    {
        var pause = TimeSpan.FromSeconds(1);
        for (var attempt = 1; ; attempt++, pause *= 2)
        {
            try
            {
                await PullOnceAsync(operation, reference, login, ct);
                return;
            }
            catch (EngineException fault) when (fault.Fault == EngineFault.RegistryUnavailable && attempt < Tries)
            {
                journal.Append(new Notice(NoticeLevel.Warning, $"{fault.Message} Trying again in {pause.TotalSeconds:0} s.", operation));
                await Task.Delay(pause + (pause * (Random.Shared.NextDouble() / 4)), time, ct);
            }
        }
    }

    private async Task PullOnceAsync(OperationId operation, string reference, RegistryLogin? login, CancellationToken ct)
    {
        var layers = new Dictionary<string, (long Current, long Total, bool Done)>();
        var shown = time.GetTimestamp();
        journal.Append(new PullProgressed(operation, reference) { Status = "Pulling" });
        await foreach (var step in engine.PullAsync(reference, login, ct))
        {
            if (step.Layer is { } layer)
            {
                var known = layers.GetValueOrDefault(layer);
                var isDone = step.Status is "Pull complete" or "Already exists";
                var counts = step.Status == "Downloading";
                layers[layer] = (
                    counts ? step.CurrentBytes ?? known.Current : known.Current,
                    counts ? step.TotalBytes ?? known.Total : known.Total,
                    isDone || known.Done);
            }

            if (time.GetElapsedTime(shown) >= ProgressPace)
            {
                shown = time.GetTimestamp();
                journal.Append(new PullProgressed(operation, reference)
                {
                    Status = step.Status,
                    CurrentBytes = layers.Values.Sum(part => part.Done ? part.Total : part.Current),
                    TotalBytes = layers.Values.Sum(part => part.Total),
                    LayersDone = layers.Values.Count(part => part.Done),
                    Layers = layers.Count,
                });
            }
        }
    }
}
