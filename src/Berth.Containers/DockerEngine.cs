using System.Collections.Immutable;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Berth.Containers.Docker;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;

namespace Berth.Containers;

/// <summary>The engine behind Docker's API: Docker from 20.10 on, and Podman's Docker-compatible socket.</summary>
public sealed class DockerEngine : IContainerEngine
{
    private const int Tries = 50;

    private readonly EngineAddress _address;
    private readonly EngineConnection _connection;
    private EngineDescription? _description;

    private DockerEngine(EngineAddress address, EngineConnection connection)
    {
        _address = address;
        _connection = connection;
    }

    /// <summary>
    /// Nothing is sent before the first call. Calls that end by themselves (all but wait, logs, pull and copying out) are given up as
    /// unreachable after <paramref name="patience"/>, two minutes if not said.
    /// </summary>
    public static DockerEngine Connect(EngineAddress address, TimeProvider? time = null, TimeSpan? patience = null) =>
        new(address, new(address, time ?? TimeProvider.System, patience ?? TimeSpan.FromMinutes(2)));

    public ValueTask DisposeAsync()
    {
        _connection.Dispose();
        return ValueTask.CompletedTask;
    }

    public async Task<EngineDescription> DescribeAsync(CancellationToken ct)
    {
        const string Attempt = "Could not ask the container engine what it is";
        var version = _connection.AskAsync(Attempt, (client, limit) => client.System.GetVersionAsync(limit), ct);
        var info = _connection.AskAsync(Attempt, (client, limit) => client.System.GetSystemInfoAsync(limit), ct);
        await Task.WhenAll(version, info);
        return _description = EngineReading.DescriptionOf(await version, await info, _address);
    }

    public async Task<ContainerImage?> FindImageAsync(string reference, CancellationToken ct)
    {
        foreach (var name in ImageName.Parse(reference).Variants)
        {
            var found = await NullWhenGoneAsync(_connection.AskAsync(
                $"Could not look for image {reference}", (client, limit) => client.Images.InspectImageAsync(name, limit), ct));
            if (found is not null)
            {
                return EngineReading.ImageOf(found);
            }
        }

        return null;
    }

    public async IAsyncEnumerable<PullProgress> PullAsync(string reference, RegistryLogin? login, [EnumeratorCancellation] CancellationToken ct)
    {
        var attempt = $"Could not pull image {reference}";
        var name = ImageName.Parse(reference);
        using var request = new HttpRequestMessage(
            HttpMethod.Post, $"images/create?fromImage={Uri.EscapeDataString(name.Repository)}&tag={Uri.EscapeDataString(name.Tag)}");
        if (login is not null)
        {
            request.Headers.Add("X-Registry-Auth", AuthOf(login, name));
        }

        EngineException Refusal(string what, int status, string message) => EngineAnswer.OfPull(what, reference, status, message);

        using var response = await _connection.SendAsync(attempt, request, Refusal, isPatient: true, ct);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(ct));
        while (await _connection.ReadAsync(attempt, limit => reader.ReadLineAsync(limit), ct) is { } line)
        {
            if (line.Length == 0 || JsonSerializer.Deserialize(line, EngineJson.Default.PullMessage) is not { } message)
            {
                continue;
            }

            if (message.Error is { Length: > 0 } error)
            {
                throw Refusal(attempt, (int)response.StatusCode, error);
            }

            if (message.Status is { } status)
            {
                yield return new(message.Id, status, message.Detail?.Current, message.Detail?.Total);
            }
        }
    }

    public async Task RemoveImageAsync(string reference, CancellationToken ct)
    {
        foreach (var name in ImageName.Parse(reference).Variants)
        {
            await NullWhenGoneAsync(_connection.AskAsync(
                $"Could not remove image {reference}", (client, limit) => client.Images.DeleteImageAsync(name, new() { Force = true }, limit), ct));
        }
    }

    public async Task<ContainerNetwork> CreateNetworkAsync(NetworkSpec spec, CancellationToken ct)
    {
        var attempt = $"Could not create network {spec.Name}";
        var wanted = new NetworkRequest(
            spec.Name,
            CheckDuplicate: true,
            "bridge",
            EnableIPv6: false,
            new Dictionary<string, string> { ["com.docker.network.bridge.name"] = spec.BridgeName },
            spec.Labels);
        using var request = new HttpRequestMessage(HttpMethod.Post, "networks/create") { Content = JsonContent.Create(wanted, EngineJson.Default.NetworkRequest) };
        try
        {
            using var made = await _connection.SendAsync(attempt, request, EngineAnswer.General, isPatient: false, ct);
        }
        catch (EngineException conflict) when (conflict.StatusCode == 409 || conflict.Message.Contains("already", StringComparison.Ordinal))
        {
            // It is ours from before; what the inspection below says of it holds.
        }

        var network = await _connection.AskAsync(attempt, (client, limit) => client.Networks.InspectNetworkAsync(spec.Name, limit), ct);
        return EngineReading.NetworkOf(network, await IsPodmanAsync(ct) ? await FindPodmanBridgeAsync(spec.Name, ct) : null);
    }

    public async Task RemoveNetworkAsync(string name, CancellationToken ct)
    {
        var attempt = $"Could not remove network {name}";
        for (var left = Tries; ; left--)
        {
            try
            {
                await NullWhenGoneAsync(_connection.AskAsync(attempt, (client, limit) => client.Networks.DeleteNetworkAsync(name, limit), ct));
                return;
            }
            catch (EngineException busy) when (left > 0 && IsInUse(busy))
            {
                await DisconnectAllAsync(name, ct);
                await _connection.PauseAsync(ct);
            }
        }
    }

    public Task CreateVolumeAsync(VolumeSpec spec, CancellationToken ct) => _connection.AskAsync(
        $"Could not create volume {spec.Name}",
        (client, limit) => client.Volumes.CreateAsync(new() { Name = spec.Name, Labels = new Dictionary<string, string>(spec.Labels) }, limit),
        ct);

    public async Task RemoveVolumeAsync(string name, CancellationToken ct)
    {
        for (var left = Tries; ; left--)
        {
            try
            {
                await NullWhenGoneAsync(_connection.AskAsync(
                    $"Could not remove volume {name}", (client, limit) => client.Volumes.RemoveAsync(name, null, limit), ct));
                return;
            }
            catch (EngineException busy) when (left > Tries - 5 && IsInUse(busy))
            {
                await _connection.PauseAsync(ct);
            }
        }
    }

    public async Task CreateAsync(ContainerSpec spec, CancellationToken ct)
    {
        var attempt = $"Could not create container {spec.Name}";
        var engine = _description ?? await DescribeAsync(ct);
        if (spec.Gpu is not null && engine.IsPodman)
        {
            throw new EngineException(
                EngineFault.GpuUnavailable,
                $"{attempt} with GPUs: Podman ignores GPU requests on its Docker-compatible socket; use Docker with the NVIDIA container toolkit.");
        }

        var request = ContainerRequest.Of(spec, engine);
        for (var left = Tries; ; left--)
        {
            try
            {
                await _connection.AskAsync(
                    attempt, EngineAnswer.OfCreate, TimeSpan.Zero, (client, limit) => client.Containers.CreateContainerAsync(request, limit), ct);
                return;
            }
            catch (EngineException conflict) when (left > 0 && IsNameConflict(conflict))
            {
                if (await InspectAsync(spec.Name, ct) is { State: not "removing" })
                {
                    return;
                }

                await _connection.PauseAsync(ct);
            }
            catch (EngineException missing) when (missing.Fault == EngineFault.ImageNotFound && request.Image == spec.Image)
            {
                if (await FindImageAsync(spec.Image, ct) is not { } image)
                {
                    throw;
                }

                request.Image = image.Id;
            }
        }
    }

    public Task StartAsync(string name, CancellationToken ct) => _connection.AskAsync(
        $"Could not start container {name}",
        EngineAnswer.OfStart,
        TimeSpan.Zero,
        (client, limit) => client.Containers.StartContainerAsync(name, new(), limit),
        ct);

    public async Task<ContainerStatus?> InspectAsync(string name, CancellationToken ct)
    {
        var answer = await NullWhenGoneAsync(_connection.AskAsync(
            $"Could not inspect container {name}", (client, limit) => client.Containers.InspectContainerAsync(name, limit), ct));
        return answer is null ? null : EngineReading.StatusOf(answer);
    }

    public async Task<ContainerStatus> WaitAsync(string name, CancellationToken ct)
    {
        var attempt = $"Could not wait for container {name}";
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"containers/{Uri.EscapeDataString(name)}/wait?condition=not-running");
            using var response = await _connection.SendAsync(attempt, request, EngineAnswer.General, isPatient: true, ct);
            await _connection.ReadAsync(attempt, async limit => await response.Content.ReadAsByteArrayAsync(limit), ct);
            var status = await InspectAsync(name, ct)
                ?? throw new EngineException(EngineFault.NotFound, $"{attempt}: it is gone.");
            if (!status.IsRunning)
            {
                return status;
            }

            await _connection.PauseAsync(ct);
        }
    }

    public async IAsyncEnumerable<IReadOnlyList<LogLine>> ReadLogsAsync(
        string name, DateTimeOffset? since, bool follow, int maxLine, [EnumeratorCancellation] CancellationToken ct)
    {
        var log = new ContainerLog(_connection, name, since, maxLine, await IsPodmanAsync(ct), token => InspectAsync(name, token));
        await foreach (var batch in log.ReadAsync(follow, ct))
        {
            yield return batch;
        }
    }

    public Task StopAsync(string name, TimeSpan grace, CancellationToken ct) => NullWhenGoneAsync(_connection.AskAsync(
        $"Could not stop container {name}",
        EngineAnswer.General,
        grace,
        (client, limit) => client.Containers.StopContainerAsync(name, new() { WaitBeforeKillSeconds = (uint)Math.Ceiling(grace.TotalSeconds) }, limit),
        ct));

    public async Task KillAsync(string name, CancellationToken ct)
    {
        try
        {
            await NullWhenGoneAsync(_connection.AskAsync(
                $"Could not kill container {name}", (client, limit) => client.Containers.KillContainerAsync(name, new() { Signal = "SIGKILL" }, limit), ct));
        }
        catch (EngineException) when (!ct.IsCancellationRequested)
        {
            if (await InspectAsync(name, ct) is { IsRunning: true })
            {
                throw;
            }
        }
    }

    public async Task RemoveAsync(string name, CancellationToken ct)
    {
        var attempt = $"Could not remove container {name}";
        for (var left = Tries; ; left--)
        {
            try
            {
                await NullWhenGoneAsync(_connection.AskAsync(
                    attempt, (client, limit) => client.Containers.RemoveContainerAsync(name, new() { Force = true, RemoveVolumes = true }, limit), ct));
                return;
            }
            catch (EngineException busy) when (left > 0 && busy.Message.Contains("already in progress", StringComparison.Ordinal))
            {
                await _connection.PauseAsync(ct);
            }
        }
    }

    public async Task CopyInAsync(string name, string path, Func<Stream, CancellationToken, Task> tar, CancellationToken ct)
    {
        using var content = new WrittenContent(tar, ct);
        using var request = new HttpRequestMessage(HttpMethod.Put, $"containers/{Uri.EscapeDataString(name)}/archive?path={Uri.EscapeDataString(path)}") { Content = content };
        using var response = await _connection.SendAsync($"Could not copy files to {path} of container {name}", request, EngineAnswer.General, isPatient: true, ct);
    }

    public async Task<Stream?> CopyOutAsync(string name, string path, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"containers/{Uri.EscapeDataString(name)}/archive?path={Uri.EscapeDataString(path)}");
        try
        {
            var response = await _connection.SendAsync($"Could not copy {path} out of container {name}", request, EngineAnswer.General, isPatient: true, ct);
            return await response.Content.ReadAsStreamAsync(ct);
        }
        catch (EngineException missing) when (missing.StatusCode == 404 && !missing.Message.Contains("No such container", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }
    }

    public async Task<ImmutableArray<OwnedThing>> ListOwnedAsync(string label, string? value, CancellationToken ct)
    {
        const string Attempt = "Could not list what Berth has on the container engine";
        var filters = new Dictionary<string, IDictionary<string, bool>>
        {
            ["label"] = new Dictionary<string, bool> { [value is null ? label : $"{label}={value}"] = true },
        };
        var containers = await _connection.AskAsync(
            Attempt, (client, limit) => client.Containers.ListContainersAsync(new() { All = true, Filters = filters }, limit), ct);
        var networks = await _connection.AskAsync(
            Attempt, (client, limit) => client.Networks.ListNetworksAsync(new() { Filters = filters }, limit), ct);
        var volumes = await _connection.AskAsync(
            Attempt, (client, limit) => client.Volumes.ListAsync(new() { Filters = filters }, limit), ct);
        return
        [
            .. containers.Where(container => container.Names is [_, ..]).Select(EngineReading.OwnedOf),
            .. networks.Select(EngineReading.OwnedOf),
            .. (volumes.Volumes ?? []).Select(EngineReading.OwnedOf),
        ];
    }

    private static string AuthOf(RegistryLogin login, ImageName name) => Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(
        new RegistryAuth(login.Username, login.Password, login.Email, login.Server ?? name.Registry ?? "https://index.docker.io/v1/"),
        EngineJson.Default.RegistryAuth)).Replace('+', '-').Replace('/', '_');

    private static async Task<T?> NullWhenGoneAsync<T>(Task<T> ask)
    {
        try
        {
            return await ask;
        }
        catch (EngineException gone) when (gone.Fault == EngineFault.NotFound)
        {
            return default;
        }
    }

    private static async Task NullWhenGoneAsync(Task ask)
    {
        try
        {
            await ask;
        }
        catch (EngineException gone) when (gone.Fault == EngineFault.NotFound)
        {
        }
    }

    private static bool IsNameConflict(EngineException refusal) =>
        refusal.StatusCode == 409 || refusal.Message.Contains("already in use", StringComparison.Ordinal);

    private static bool IsInUse(EngineException refusal) =>
        refusal.StatusCode is 403 or 409
        || refusal.Message.Contains("being used", StringComparison.Ordinal)
        || refusal.Message.Contains("in use", StringComparison.Ordinal);

    private async Task<bool> IsPodmanAsync(CancellationToken ct) => (_description ?? await DescribeAsync(ct)).IsPodman;

    private async Task<string?> FindPodmanBridgeAsync(string name, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"v4.0.0/libpod/networks/{Uri.EscapeDataString(name)}/json");
        using var response = await _connection.SendAsync($"Could not inspect network {name}", request, EngineAnswer.General, isPatient: false, ct);
        return (await response.Content.ReadFromJsonAsync(EngineJson.Default.PodmanNetwork, ct))?.BridgeName;
    }

    private async Task DisconnectAllAsync(string network, CancellationToken ct)
    {
        var attempt = $"Could not empty network {network}";
        var found = await NullWhenGoneAsync(_connection.AskAsync(attempt, (client, limit) => client.Networks.InspectNetworkAsync(network, limit), ct));
        foreach (var container in found?.Containers?.Keys ?? [])
        {
            await NullWhenGoneAsync(_connection.AskAsync(
                attempt, (client, limit) => client.Networks.DisconnectNetworkAsync(network, new() { Container = container, Force = true }, limit), ct));
        }
    }
}
