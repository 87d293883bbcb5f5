using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Berth.Containers;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Testing.Runs;

/// <summary>
/// An engine as a process sees it that will die: after <see cref="Die"/> no call of it reaches the engine and none returns, while
/// the engine itself and what runs on it go on.
/// </summary>
public sealed class MortalEngine(IContainerEngine engine) : IContainerEngine
{
    private readonly TaskCompletionSource _watched = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _underWay;
    private volatile bool _isDead;

    /// <summary>Somebody waits for a container's end.</summary>
    public Task Watched => _watched.Task;

    /// <summary>Returns when the last call that went out has been answered.</summary>
    public void Die()
    {
        _isDead = true;
        SpinWait.SpinUntil(() => Volatile.Read(ref _underWay) == 0);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task<EngineDescription> DescribeAsync(CancellationToken ct) => CallAsync(() => engine.DescribeAsync(ct));

    public Task<ContainerImage?> FindImageAsync(string reference, CancellationToken ct) => CallAsync(() => engine.FindImageAsync(reference, ct));

    public IAsyncEnumerable<PullProgress> PullAsync(string reference, RegistryLogin? login, CancellationToken ct) => StreamAsync(engine.PullAsync(reference, login, ct), ct);

    public Task RemoveImageAsync(string reference, CancellationToken ct) => CallAsync(() => engine.RemoveImageAsync(reference, ct));

    public Task<ContainerNetwork> CreateNetworkAsync(NetworkSpec spec, CancellationToken ct) => CallAsync(() => engine.CreateNetworkAsync(spec, ct));

    public Task RemoveNetworkAsync(string name, CancellationToken ct) => CallAsync(() => engine.RemoveNetworkAsync(name, ct));

    public Task CreateVolumeAsync(VolumeSpec spec, CancellationToken ct) => CallAsync(() => engine.CreateVolumeAsync(spec, ct));

    public Task RemoveVolumeAsync(string name, CancellationToken ct) => CallAsync(() => engine.RemoveVolumeAsync(name, ct));

    public Task CreateAsync(ContainerSpec spec, CancellationToken ct) => CallAsync(() => engine.CreateAsync(spec, ct));

    public Task StartAsync(string name, CancellationToken ct) => CallAsync(() => engine.StartAsync(name, ct));

    public Task<ContainerStatus?> InspectAsync(string name, CancellationToken ct) => CallAsync(() => engine.InspectAsync(name, ct));

    public async Task<ContainerStatus> WaitAsync(string name, CancellationToken ct)
    {
        await StayAliveAsync();
        var ending = engine.WaitAsync(name, ct);
        _watched.TrySetResult();
        var status = await ending;
        await StayAliveAsync();
        return status;
    }

    public IAsyncEnumerable<IReadOnlyList<LogLine>> ReadLogsAsync(string name, DateTimeOffset? since, bool follow, int maxLine, CancellationToken ct) =>
        StreamAsync(engine.ReadLogsAsync(name, since, follow, maxLine, ct), ct);

    public async Task StopAsync(string name, TimeSpan grace, CancellationToken ct)
    {
        await StayAliveAsync();
        await engine.StopAsync(name, grace, ct);
        await StayAliveAsync();
    }

    public Task KillAsync(string name, CancellationToken ct) => CallAsync(() => engine.KillAsync(name, ct));

    public Task RemoveAsync(string name, CancellationToken ct) => CallAsync(() => engine.RemoveAsync(name, ct));

    public Task CopyInAsync(string name, string path, Func<Stream, CancellationToken, Task> tar, CancellationToken ct) => CallAsync(() => engine.CopyInAsync(name, path, tar, ct));

    public Task<Stream?> CopyOutAsync(string name, string path, CancellationToken ct) => CallAsync(() => engine.CopyOutAsync(name, path, ct));

    public Task<ImmutableArray<OwnedThing>> ListOwnedAsync(string label, string? value, CancellationToken ct) => CallAsync(() => engine.ListOwnedAsync(label, value, ct));

    private Task StayAliveAsync() => _isDead ? new TaskCompletionSource().Task : Task.CompletedTask;

    private async Task<bool> CallAsync(Func<Task> call) => await CallAsync(async () =>
    {
        await call();
        return true;
    });

    private async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        Interlocked.Increment(ref _underWay);
        try
        {
            if (!_isDead)
            {
                return await call();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }

        await StayAliveAsync();
        throw new System.Diagnostics.UnreachableException("The dead do not act.");
    }

    private async IAsyncEnumerable<T> StreamAsync<T>(IAsyncEnumerable<T> stream, [EnumeratorCancellation] CancellationToken ct)
    {
        await StayAliveAsync();
        await foreach (var item in stream.WithCancellation(ct))
        {
            await StayAliveAsync();
            yield return item;
        }

        await StayAliveAsync();
    }
}
