using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Formats.Tar;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using Berth.Containers;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Testing.Containers;

/// <summary>
/// A container engine in memory, scripted by image names (<see cref="FakeScript"/>) and driven by a clock. It outlives whoever uses it, as a real
/// engine does: what one executor made is there for the next. It can go down, come back, refuse a call, or do a call and lose the answer.
/// To pull there are also <c>fake/missing</c>, <c>fake/denied</c>, <c>fake/private</c> (wants the password <c>secret</c>), <c>fake/registry-down</c>,
/// <c>fake/registry-down-twice</c> and <c>fake/disk-full</c>. Networks are pieces of the loopback range, so a test may listen on a container's address.
/// </summary>
public sealed class FakeContainerEngine(TimeProvider time) : IContainerEngine
{
    private const int LinesInBatch = 500;

    private readonly ConcurrentDictionary<string, FakeContainer> _containers = new();
    private readonly ConcurrentDictionary<string, (ContainerNetwork Network, NetworkSpec Spec, DateTimeOffset CreatedAt)> _networks = new();
    private readonly ConcurrentDictionary<string, (VolumeSpec Spec, DateTimeOffset CreatedAt)> _volumes = new();
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, byte[]>> _volumeFiles = new();
    private readonly ConcurrentDictionary<string, ContainerImage> _images = new();
    private readonly ConcurrentDictionary<string, int> _pulls = new();
    private readonly ConcurrentDictionary<string, int> _startsOfImage = new();
    private readonly ConcurrentQueue<ContainerSpec> _created = new();
    private readonly ConcurrentQueue<string> _started = new();
    private readonly ConcurrentDictionary<string, ConcurrentQueue<EngineException>> _faults = new();
    private readonly ConcurrentDictionary<string, int> _lostAnswers = new();
    private volatile bool _isDown;
    private volatile int _outages;
    private int _count;

    /// <summary>Every container that was ever made, in order, removed ones too.</summary>
    public ImmutableArray<ContainerSpec> Created => [.. _created];

    /// <summary>The name of a container for every time one began to run, in order.</summary>
    public ImmutableArray<string> Started => [.. _started];

    /// <summary>What there is now, by name.</summary>
    public ImmutableArray<string> Left => [.. _containers.Keys.Concat(_networks.Keys).Concat(_volumes.Keys).Order(StringComparer.Ordinal)];

    public ImmutableArray<string> Images => [.. _images.Keys.Order(StringComparer.Ordinal)];

    /// <summary>How many pulls were asked for, failed ones too.</summary>
    public int Pulls => _pulls.Values.Sum();

    /// <summary>What it says of itself; a test may give it GPUs or another name.</summary>
    public EngineDescription Description { get; set; } = new()
    {
        Name = "Docker",
        Version = "28.0.0-fake",
        ApiVersion = "1.48",
        Platform = "linux/amd64",
        Cpus = 8,
        MemoryBytes = 32L << 30,
        Runtimes = ["runc"],
        IsLocal = true,
    };

    /// <summary>The engine has the image already.</summary>
    public void AddImage(string reference) =>
        _images[reference] = new("sha256:" + Convert.ToHexStringLower(Encoding.UTF8.GetBytes(reference)), [reference + "@sha256:fake"]) { SizeBytes = 2_000_000 };

    /// <summary>From now on nobody answers, and what is being waited for breaks off. Containers go on.</summary>
    public void GoDown()
    {
        _isDown = true;
        Interlocked.Increment(ref _outages);
        foreach (var container in _containers.Values)
        {
            container.Announce();
        }
    }

    public void ComeBack() => _isDown = false;

    /// <summary>The next call of that name, such as <c>nameof(IContainerEngine.CreateAsync)</c>, fails instead of doing anything.</summary>
    public void FailNext(string call, EngineException fault) => _faults.GetOrAdd(call, _ => new()).Enqueue(fault);

    /// <summary>The next call of that name does what it should, but its answer is lost.</summary>
    public void LoseNextAnswer(string call) => _lostAnswers.AddOrUpdate(call, 1, (_, count) => count + 1);

    /// <summary>Puts a file into a container, as if its program had written it.</summary>
    public void Write(string container, string path, string text) => Get(container).Write(path, Encoding.UTF8.GetBytes(text));

    /// <summary>Nothing is let go of: the engine outlives its users.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task<EngineDescription> DescribeAsync(CancellationToken ct) => CallAsync(() => Description, ct);

    public Task<ContainerImage?> FindImageAsync(string reference, CancellationToken ct) => CallAsync(() => _images.GetValueOrDefault(reference), ct);

    public async IAsyncEnumerable<PullProgress> PullAsync(string reference, RegistryLogin? login, [EnumeratorCancellation] CancellationToken ct)
    {
        await CallAsync(() => Pull(reference, login), ct);
        yield return new(null, "Pulling from " + reference, null, null);
        yield return new("layer1", "Downloading", 1_000_000, 2_000_000);
        ThrowWhenDown(nameof(PullAsync));
        yield return new("layer1", "Pull complete", null, null);
        AddImage(reference);
    }

    public Task RemoveImageAsync(string reference, CancellationToken ct) => CallAsync(() => _images.TryRemove(reference, out _), ct);

    public Task<ContainerNetwork> CreateNetworkAsync(NetworkSpec spec, CancellationToken ct) => CallAsync(
        () => _networks.GetOrAdd(
            spec.Name,
            name => (new(name, spec.BridgeName, [IPNetwork.Parse($"127.50.{Interlocked.Increment(ref _count) % 250}.0/24")]), spec, time.GetUtcNow())).Network,
        ct);

    public Task RemoveNetworkAsync(string name, CancellationToken ct) => CallAsync(
        () =>
        {
            foreach (var container in _containers.Values.Where(container => container.Spec.Network == name))
            {
                container.Disconnect();
            }

            return _networks.TryRemove(name, out _);
        },
        ct);

    public Task CreateVolumeAsync(VolumeSpec spec, CancellationToken ct) => CallAsync(() => _volumes.TryAdd(spec.Name, (spec, time.GetUtcNow())), ct);

    public Task RemoveVolumeAsync(string name, CancellationToken ct) => CallAsync(
        () => _containers.Values.Any(container => container.Spec.Volumes.Any(binding => binding.Volume == name))
            ? throw new EngineException(EngineFault.Refused, $"Could not remove volume {name}: volume is in use.") { StatusCode = 409 }
            : _volumes.TryRemove(name, out _) && _volumeFiles.TryRemove(name, out _),
        ct);

    public Task CreateAsync(ContainerSpec spec, CancellationToken ct) => CallAsync(
        () =>
        {
            if (!_images.ContainsKey(spec.Image))
            {
                throw new EngineException(EngineFault.ImageNotFound, $"Could not create container {spec.Name}: No such image: {spec.Image}.") { StatusCode = 404 };
            }

            if (_containers.TryAdd(spec.Name, new(spec, $"id{Interlocked.Increment(ref _count)}", time)))
            {
                _created.Enqueue(spec);
            }

            return true;
        },
        ct);

    public Task StartAsync(string name, CancellationToken ct) => CallAsync(() => Start(Get(name)), ct);

    public Task<ContainerStatus?> InspectAsync(string name, CancellationToken ct) => CallAsync(() => _containers.GetValueOrDefault(name)?.Status, ct);

    public async Task<ContainerStatus> WaitAsync(string name, CancellationToken ct)
    {
        var container = await CallAsync(() => Get(name), ct);
        var outages = _outages;
        while (true)
        {
            var changed = container.Changed;
            ThrowWhenDown(nameof(WaitAsync), outages);
            if (!container.Status.IsRunning)
            {
                return container.Status;
            }

            await changed.WaitAsync(ct);
        }
    }

    public async IAsyncEnumerable<IReadOnlyList<LogLine>> ReadLogsAsync(
        string name, DateTimeOffset? since, bool follow, int maxLine, [EnumeratorCancellation] CancellationToken ct)
    {
        var container = await CallAsync(() => Get(name), ct);
        var outages = _outages;
        var next = 0;
        while (true)
        {
            var changed = container.Changed;
            var mayWriteMore = follow && container.Status.IsRunning;
            ThrowWhenDown(nameof(ReadLogsAsync), outages);
            var lines = container.LinesFrom(next, LinesInBatch);
            next += lines.Length;
            List<LogLine> batch = [.. lines.Where(line => since is null || line.At >= since).Select(line => Cut(line, maxLine))];
            if (batch.Count > 0)
            {
                yield return batch;
            }
            else if (lines.IsEmpty && !mayWriteMore)
            {
                yield break;
            }
            else if (lines.IsEmpty)
            {
                await changed.WaitAsync(ct);
            }
        }
    }

    public async Task StopAsync(string name, TimeSpan grace, CancellationToken ct)
    {
        if (await CallAsync(() => _containers.GetValueOrDefault(name), ct) is not { } container || container.Stop())
        {
            return;
        }

        await Task.Delay(grace, time, ct);
        ThrowWhenDown(nameof(StopAsync));
        container.Kill();
    }

    public Task KillAsync(string name, CancellationToken ct) => CallAsync(
        () =>
        {
            _containers.GetValueOrDefault(name)?.Kill();
            return true;
        },
        ct);

    public Task RemoveAsync(string name, CancellationToken ct) => CallAsync(
        () =>
        {
            if (_containers.TryRemove(name, out var container))
            {
                container.Kill();
            }

            return true;
        },
        ct);

    public async Task CopyInAsync(string name, string path, Func<Stream, CancellationToken, Task> tar, CancellationToken ct)
    {
        using var packed = new MemoryStream();
        await tar(packed, ct);
        packed.Position = 0;
        await CallAsync(() => Unpack(Get(name), path.TrimEnd('/'), packed), ct);
    }

    public Task<Stream?> CopyOutAsync(string name, string path, CancellationToken ct) => CallAsync<Stream?>(() => Pack(Get(name), path), ct);

    public Task<ImmutableArray<OwnedThing>> ListOwnedAsync(string label, string? value, CancellationToken ct) => CallAsync(
        () =>
        {
            var all = _containers.Select(pair => new OwnedThing(OwnedKind.Container, pair.Key, pair.Value.Spec.Labels, pair.Value.CreatedAt))
                .Concat(_networks.Select(pair => new OwnedThing(OwnedKind.Network, pair.Key, pair.Value.Spec.Labels, pair.Value.CreatedAt)))
                .Concat(_volumes.Select(pair => new OwnedThing(OwnedKind.Volume, pair.Key, pair.Value.Spec.Labels, pair.Value.CreatedAt)));
            return all.Where(thing => thing.Labels.TryGetValue(label, out var found) && (value is null || found == value)).ToImmutableArray();
        },
        ct);

    private static LogLine Cut(FakeLine line, int maxLine) =>
        new(line.Stream, line.At, line.Text.AsMemory(0, Math.Min(maxLine, line.Text.Length)), Math.Max(0, line.Text.Length - maxLine));

    private bool Unpack(FakeContainer container, string path, Stream packed)
    {
        using var reader = new TarReader(packed);
        while (reader.GetNextEntry() is { } entry)
        {
            if (entry.EntryType != TarEntryType.RegularFile)
            {
                continue;
            }

            using var content = new MemoryStream();
            entry.DataStream?.CopyTo(content);
            var full = $"{path}/{entry.Name}";
            switch (container.Spec.Volumes.FirstOrDefault(binding => full.StartsWith(binding.Destination + "/", StringComparison.Ordinal)))
            {
                case { ReadOnly: true }:
                    throw new EngineException(EngineFault.Refused, $"Could not copy files to {path}: it is marked read-only.") { StatusCode = 403 };
                case { } binding:
                    _volumeFiles.GetOrAdd(binding.Volume, _ => new())[full[(binding.Destination.Length + 1)..]] = content.ToArray();
                    break;
                default:
                    container.Write(full, content.ToArray());
                    break;
            }
        }

        return true;
    }

    // What a container finds of folders and volumes that are mounted in it, by its path there.
    private IEnumerable<KeyValuePair<string, byte[]>> MountedFiles(ContainerSpec spec) =>
        spec.Folders.SelectMany(binding => Directory.EnumerateFiles(binding.Folder, "*", SearchOption.AllDirectories)
                .Select(file => KeyValuePair.Create($"{binding.Destination}/{Path.GetRelativePath(binding.Folder, file)}", File.ReadAllBytes(file))))
            .Concat(spec.Volumes.SelectMany(binding => (_volumeFiles.GetValueOrDefault(binding.Volume) ?? new())
                .Select(file => KeyValuePair.Create($"{binding.Destination}/{file.Key}", file.Value))));

    private MemoryStream? Pack(FakeContainer container, string path)
    {
        KeyValuePair<string, byte[]>[] files =
        [
            .. container.FilesUnder(path),
            .. MountedFiles(container.Spec).Where(file => file.Key == path || file.Key.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal)),
        ];
        if (files.Length == 0)
        {
            return null;
        }

        var parent = path.TrimEnd('/').LastIndexOf('/') + 1;
        var packed = new MemoryStream();
        using (var tar = new TarWriter(packed, leaveOpen: true))
        {
            if (files.All(file => file.Key != path))
            {
                tar.WriteEntry(new PaxTarEntry(TarEntryType.Directory, path.TrimEnd('/')[parent..] + "/"));
            }

            foreach (var (name, content) in files)
            {
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name[parent..]) { DataStream = new MemoryStream(content) });
            }
        }

        packed.Position = 0;
        return packed;
    }

    private bool Pull(string reference, RegistryLogin? login)
    {
        var attempt = $"Could not pull image {reference}";
        var before = _pulls.AddOrUpdate(reference, 1, (_, count) => count + 1) - 1;
        var name = FakeScript.NameOf(reference);
        (EngineFault Fault, string Reason)? refusal = name switch
        {
            "denied" => (EngineFault.ImageDenied, "unauthorized: authentication required"),
            "private" when login?.Password != "secret" => (EngineFault.ImageDenied, "no basic auth credentials"),
            "registry-down" => (EngineFault.RegistryUnavailable, "connection refused"),
            "registry-down-twice" when before < 2 => (EngineFault.RegistryUnavailable, "connection refused"),
            "disk-full" => (EngineFault.DiskFull, "no space left on device"),
            "private" or "registry-down-twice" => null,
            _ when FakeScript.Of(reference) is null => (EngineFault.ImageNotFound, "manifest unknown"),
            _ => null,
        };
        return refusal is { } no ? throw new EngineException(no.Fault, $"{attempt}: {no.Reason}.") : true;
    }

    private bool Start(FakeContainer container)
    {
        var spec = container.Spec;
        if (container.Status.IsRunning)
        {
            return false;
        }

        var starts = _startsOfImage.AddOrUpdate(spec.Image, 1, (_, count) => count + 1);
        var script = FakeScript.Of(spec.Image, spec, starts - 1, MountedFiles(spec)) ?? new FakeScript();
        if (script.StartFault is { } fault)
        {
            var reason = fault == EngineFault.GpuUnavailable
                ? "could not select device driver \"\" with capabilities: [[gpu]]"
                : "exec: \"no-such-program\": executable file not found in $PATH";
            throw new EngineException(fault, $"Could not start container {spec.Name}: {reason}.") { StatusCode = 400 };
        }

        IPAddress? address = null;
        if (spec.Network is { } network)
        {
            if (!_networks.TryGetValue(network, out var found))
            {
                throw new EngineException(EngineFault.NotFound, $"Could not start container {spec.Name}: network {network} not found.") { StatusCode = 404 };
            }

            var bytes = found.Network.Subnets[0].BaseAddress.GetAddressBytes();
            bytes[3] = (byte)(2 + (Interlocked.Increment(ref _count) % 250));
            address = new(bytes);
        }

        _started.Enqueue(spec.Name);
        container.Start(script, address, spec.PublishedPorts.ToImmutableDictionary(port => port, _ => 40_000 + (Interlocked.Increment(ref _count) % 20_000)));
        return true;
    }

    private FakeContainer Get(string name) => _containers.GetValueOrDefault(name)
        ?? throw new EngineException(EngineFault.NotFound, $"Could not find container {name}: No such container: {name}.") { StatusCode = 404 };

    private async Task<T> CallAsync<T>(Func<T> act, CancellationToken ct, [CallerMemberName] string call = "")
    {
        ct.ThrowIfCancellationRequested();
        await Task.Yield();
        ThrowWhenDown(call);
        if (_faults.TryGetValue(call, out var faults) && faults.TryDequeue(out var fault))
        {
            throw fault;
        }

        var answer = act();
        if (_lostAnswers.TryGetValue(call, out var left) && left > 0)
        {
            _lostAnswers[call] = left - 1;
            throw new EngineException(EngineFault.Unreachable, $"{call} failed: the container engine broke off its answer.");
        }

        return answer;
    }

    // What waits breaks off even when the engine is back before it looks.
    private void ThrowWhenDown(string call, int? outagesBefore = null)
    {
        if (_isDown || outagesBefore < _outages)
        {
            throw new EngineException(EngineFault.Unreachable, $"{call} failed: no container engine answers; start Docker or Podman.");
        }
    }
}
