using System.Runtime.CompilerServices;
using Berth.Containers;
using Berth.Node.Capacity;
using Berth.Node.Exposure;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Node.Doctor;

/// <summary>Looks at everything a node needs: its key, the engine, GPUs, disk, the network guard, the server, the clock, the market.</summary>
public sealed class NodeDoctor(IContainerEngine engine, MarketClient client, Uri server, string stateDirectory, TimeProvider time)
{
    private const long EnoughDiskMib = 25 << 10;
    private const long LeastDiskMib = 2 << 10;
    private static readonly TimeSpan TolerableSkew = TimeSpan.FromSeconds(30);

    public async IAsyncEnumerable<Finding> LookAsync(KeyReading key, string? market, [EnumeratorCancellation] CancellationToken ct)
    {
        yield return OfKey(key);
        var (description, engineFinding) = await LookAtEngineAsync(ct);
        yield return engineFinding;
        if (description is not null)
        {
            yield return await LookAtGpusAsync(description, ct);
            yield return OfDisk(description);
            yield return await LookAtGuardAsync(description, ct);
        }

        var (facts, serverFinding) = await LookAtServerAsync(ct);
        yield return serverFinding;
        if (facts is null)
        {
            yield break;
        }

        yield return OfClock(facts);
        if (market is not null)
        {
            yield return await LookAtMarketAsync(market, key.Key?.Address, ct);
        }
    }

    private static Finding OfKey(KeyReading key) => key switch
    {
        { Key: null } => new("key", Health.Fail, key.Fault!) { Fix = "Make one with: berth key new" },
        { Warning: { } warning } => new("key", Health.Warn, warning),
        _ => new("key", Health.Ok, $"This node is {key.Key.Address}."),
    };

    private async Task<(EngineDescription?, Finding)> LookAtEngineAsync(CancellationToken ct)
    {
        try
        {
            var description = await engine.DescribeAsync(ct);
            var name = $"{description.Name} {description.Version}, {description.Cpus} CPUs, {description.MemoryBytes >> 30} GiB of memory";
            return (description, description.EnforcesLimits
                ? new Finding("engine", Health.Ok, $"{name}.")
                : new Finding("engine", Health.Warn, $"{name}; it ignores limits (rootless on cgroup v1).") { Fix = "Run the engine as root, or use a system with cgroup v2." });
        }
        catch (EngineException fault)
        {
            return (null, new Finding("engine", Health.Unreachable, fault.Message) { Fix = "Install and start Docker or Podman, or name its socket with DOCKER_HOST." });
        }
    }

    private async Task<Finding> LookAtGpusAsync(EngineDescription description, CancellationToken ct)
    {
        var inventory = await GpuInventory.MeasureAsync(time, ct);
        if (inventory.Fault is { } fault)
        {
            return new Finding("gpu", Health.Warn, $"None: {fault}. The node takes jobs that need none.");
        }

        var names = string.Join(", ", inventory.Gpus.Select(gpu => $"{gpu.Index} {gpu.Model} ({gpu.MemoryMiB >> 10} GiB)"));
        var hasWay = description.Runtimes.Contains("nvidia") || !description.CdiDevices.IsEmpty;
        return hasWay
            ? new Finding("gpu", Health.Ok, $"{names}, driver {inventory.Gpus[0].Driver}.")
            : new Finding("gpu", Health.Fail, $"{names}, but the engine cannot give them to containers.")
            {
                Fix = "Install the NVIDIA container toolkit, then: nvidia-ctk runtime configure --runtime=docker && systemctl restart docker",
            };
    }

    private Finding OfDisk(EngineDescription description)
    {
        var free = Machine.FreeDisk(description, Directory.Exists(stateDirectory) ? stateDirectory : Path.GetTempPath());
        var place = description.DataFolder ?? "where the engine keeps images";
        return free switch
        {
            _ when !description.IsLocal => new Finding("disk", Health.Warn, "The engine is on another machine; its disk is not known."),
            >= EnoughDiskMib => new Finding("disk", Health.Ok, $"{free >> 10} GiB free in {place}."),
            >= LeastDiskMib => new Finding("disk", Health.Warn, $"Only {free >> 10} GiB free in {place}; images of AI jobs are large.") { Fix = "Make room: docker system prune, or a larger disk." },
            _ => new Finding("disk", Health.Fail, $"Only {free} MiB free in {place}.") { Fix = "Make room: docker system prune, or a larger disk." },
        };
    }

    private async Task<Finding> LookAtGuardAsync(EngineDescription description, CancellationToken ct) =>
        await new NetworkGuard(time).ProbeAsync(description, ct) is { } fault
            ? new Finding("network", Health.Fail, $"Jobs cannot be kept from this machine and the private network around it: {fault}.")
            {
                Fix = "Start the node as root with nftables installed, or accept it with --allow-private-network.",
            }
            : new Finding("network", Health.Ok, "Jobs are kept from this machine and the private network around it.");

    private async Task<(ServerFacts?, Finding)> LookAtServerAsync(CancellationToken ct)
    {
        try
        {
            var facts = await client.DescribeAsync(ct);
            return (facts, new Finding("server", Health.Ok, $"Berth {facts.Version} at {server}."));
        }
        catch (MarketException fault)
        {
            return (null, new Finding("server", Health.Unreachable, fault.Message) { Fix = "Name another with --server or BERTH_SERVER, or start one: berth server" });
        }
    }

    private Finding OfClock(ServerFacts facts)
    {
        var off = time.GetUtcNow() - facts.Time;
        return off.Duration() <= TolerableSkew
            ? new Finding("clock", Health.Ok, $"Within {Math.Ceiling(off.Duration().TotalSeconds):0} s of the server's.")
            : new Finding("clock", Health.Warn, $"It is {off.Duration().TotalSeconds:0} s {(off > TimeSpan.Zero ? "ahead of" : "behind")} the server's.") { Fix = "Let the system keep it: timedatectl set-ntp true" };
    }

    private async Task<Finding> LookAtMarketAsync(string market, Address? node, CancellationToken ct)
    {
        try
        {
            var facts = await client.GetMarketAsync(market, ct);
            return facts switch
            {
                { IsClosed: true } => new Finding("market", Health.Fail, $"The market {facts.Slug} is closed.") { Fix = "See the others: berth market list" },
                { Access: { } access } when node is { } own && !access.Contains(own) =>
                    new Finding("market", Health.Fail, $"The market {facts.Slug} does not let this node in.") { Fix = $"Ask its operator to admit {own}." },
                _ => new Finding("market", Health.Ok, $"{facts.Slug}: {facts.Price * 3600} NOS an hour, {facts.JobsWaiting} jobs wait."),
            };
        }
        catch (MarketException fault)
        {
            return new Finding("market", fault.IsTransient ? Health.Unreachable : Health.Fail, fault.Message) { Fix = "See what there is: berth market list" };
        }
    }
}
