using System.Collections.Immutable;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Containers;

/// <summary>
/// Runs containers. Everything is named by its caller before it is made, making what is already there under the name adopts it,
/// and removing what is gone succeeds; so each call may be repeated after a crash. What goes wrong is an <see cref="EngineException"/>.
/// Behind it: Docker's API (Docker, Podman), and the scripted engine of the tests.
/// </summary>
public interface IContainerEngine : IAsyncDisposable
{
    /// <summary>Who answers, and what the machine behind it has.</summary>
    Task<EngineDescription> DescribeAsync(CancellationToken ct);

    /// <summary>The image as the engine has it, or null when it has none of that name.</summary>
    Task<ContainerImage?> FindImageAsync(string reference, CancellationToken ct);

    /// <summary>Pulls the image once, without retry; progress as it comes, the stream's end is success.</summary>
    IAsyncEnumerable<PullProgress> PullAsync(string reference, RegistryLogin? login, CancellationToken ct);

    Task RemoveImageAsync(string reference, CancellationToken ct);

    /// <summary>Makes a bridge network of that name, or finds it.</summary>
    Task<ContainerNetwork> CreateNetworkAsync(NetworkSpec spec, CancellationToken ct);

    Task RemoveNetworkAsync(string name, CancellationToken ct);

    Task CreateVolumeAsync(VolumeSpec spec, CancellationToken ct);

    Task RemoveVolumeAsync(string name, CancellationToken ct);

    /// <summary>Makes the container without starting it; one that already has the name is kept as it is.</summary>
    Task CreateAsync(ContainerSpec spec, CancellationToken ct);

    /// <summary>Starts the container; one that runs already is left running.</summary>
    Task StartAsync(string name, CancellationToken ct);

    /// <summary>The container as it stands now, or null when there is none of that name.</summary>
    Task<ContainerStatus?> InspectAsync(string name, CancellationToken ct);

    /// <summary>Returns when the container is no longer running, at once when it is not; the status then.</summary>
    Task<ContainerStatus> WaitAsync(string name, CancellationToken ct);

    /// <summary>
    /// The container's whole lines from <paramref name="since"/> on (that instant included), in batches that borrow their buffers
    /// until the next one is asked for. With <paramref name="follow"/> the stream ends when the container has ended and all it wrote has been given.
    /// Lines longer than <paramref name="maxLine"/> bytes are cut and say how much was left out.
    /// </summary>
    IAsyncEnumerable<IReadOnlyList<LogLine>> ReadLogsAsync(string name, DateTimeOffset? since, bool follow, int maxLine, CancellationToken ct);

    /// <summary>Asks the container's main process to end (SIGTERM or the image's own signal), kills it after the grace. A container that is not running is left as it is.</summary>
    Task StopAsync(string name, TimeSpan grace, CancellationToken ct);

    Task KillAsync(string name, CancellationToken ct);

    /// <summary>Removes the container, running or not, with the anonymous volumes it has.</summary>
    Task RemoveAsync(string name, CancellationToken ct);

    /// <summary>
    /// Puts what <paramref name="tar"/> writes, a tar, below a folder of a container's file system, its volumes included, running or not. What is there under the same names is replaced.
    /// </summary>
    Task CopyInAsync(string name, string path, Func<Stream, CancellationToken, Task> tar, CancellationToken ct);

    /// <summary>A tar of the path in the container's file system, running or not; null when there is no such path.</summary>
    Task<Stream?> CopyOutAsync(string name, string path, CancellationToken ct);

    /// <summary>Everything on the engine that carries the label with the value (any value when null): containers, networks and volumes.</summary>
    Task<ImmutableArray<OwnedThing>> ListOwnedAsync(string label, string? value, CancellationToken ct);
}
