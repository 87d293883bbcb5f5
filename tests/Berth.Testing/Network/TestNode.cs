using System.Collections.Immutable;
using System.IO.Compression;
using System.Text.Json;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Testing.Network;

/// <summary>A node that does on the wire exactly what a test says, and nothing by itself.</summary>
public sealed class TestNode(SigningKey key, MarketClient client, string market)
{
    public Address Address => key.Address;

    public MarketClient Client => client;

    /// <summary>What a node with one slot registers.</summary>
    public static NodeRegistration Having(string market, int gpus, long vramMib, string model, int cuda) => new()
    {
        Market = market,
        Instance = Guid.NewGuid().ToString(),
        Machine = new MachineFacts
        {
            Cpus = 8,
            MemoryMib = 32_000,
            DiskMib = 100_000,
            Engine = "Docker 20.10.24",
            Version = "0.1.0",
            Cuda = gpus > 0 ? cuda : 0,
            Gpus = [.. Enumerable.Range(0, gpus).Select(index => new GpuFacts($"GPU-{index}", model, vramMib))],
        },
        Slots = [new SlotFacts { Slot = "0", Gpus = [.. Enumerable.Range(0, gpus).Select(index => $"GPU-{index}")], Cpus = 8, MemoryMib = 30_000 }],
    };

    public Task<NodeFacts> RegisterAsync(NodeRegistration registration) => client.RegisterAsync(key.Address, registration, CancellationToken.None);

    /// <summary>Asks for work; with no wait the answer comes at once.</summary>
    public Task<Lease?> ClaimAsync(string? claim = null, double waitSeconds = 0, string? instance = null, CancellationToken ct = default) =>
        client.ClaimAsync(market, new ClaimRequest { Claim = claim ?? Guid.NewGuid().ToString(), Slot = "0", WaitSeconds = waitSeconds, Instance = instance }, ct);

    /// <summary>Its agent starts anew: what it waited for is forgotten.</summary>
    public Task<NodeFacts> RestartAsync() => RegisterAsync(Having(market, 0, 0, "", 0));

    /// <summary>Gets a lease and accepts it.</summary>
    public async Task<Lease> StartAsync()
    {
        var lease = await ClaimAsync() ?? throw new InvalidOperationException("There was nothing to take.");
        await RenewAsync(lease);
        return lease;
    }

    public Task<Renewal> RenewAsync(Lease lease, double waitSeconds = 0, long control = -1) => client.RenewAsync(
        lease.Run, new RenewalRequest { Fence = lease.Fence, WaitSeconds = waitSeconds, Control = control }, TimeSpan.FromMinutes(1), CancellationToken.None);

    public Task<RunReceipt> ReportAsync(Lease lease, IEnumerable<RunEvent> events, IEnumerable<LogChunk>? logs = null) => client.ReportAsync(
        lease.Run,
        new RunReport { Fence = lease.Fence, Events = [.. events.Select(happened => JsonSerializer.SerializeToElement(happened, RunEventJson.Default.RunEvent))], Logs = [.. logs ?? []] },
        CancellationToken.None);

    /// <summary>The events of a run that ends so, all in one report.</summary>
    public Task<RunReceipt> FinishAsync(Lease lease, RunOutcome outcome = RunOutcome.Succeeded, DateTimeOffset at = default) => ReportAsync(lease, Story(lease, outcome, at));

    public static ImmutableArray<RunEvent> Story(Lease lease, RunOutcome outcome, DateTimeOffset at = default)
    {
        var one = new OperationId("one");
        return
        [
            new RunStarted { Run = lease.Run, Job = lease.Job, Operations = [new OperationOutline(one, "one", true)], Number = 1, At = at },
            new OperationStarting(one) { Number = 2, At = at },
            new OperationEnded(one, outcome == RunOutcome.Succeeded ? OperationOutcome.Succeeded : OperationOutcome.Failed) { ExitCode = outcome == RunOutcome.Succeeded ? 0 : 3, Number = 3, At = at },
            new RunEnded(outcome) { Number = 4, At = at },
        ];
    }

    /// <summary>A chunk of one line of that number, with so many characters.</summary>
    public static LogChunk LongLine(string operation, long number, int length) =>
        Chunk(operation, number, number, $"2026-03-01T12:00:00.0000000Z o {new string('x', length)}\n");

    /// <summary>A chunk of numbered lines <c>line 1</c>, <c>line 2</c>, ….</summary>
    public static LogChunk Lines(string operation, long first, long last)
    {
        var text = string.Concat(Enumerable.Range((int)first, (int)(last - first + 1)).Select(number => $"2026-03-01T12:00:00.{number:0000000}Z o line {number}\n"));
        return Chunk(operation, first, last, text);
    }

    private static LogChunk Chunk(string operation, long first, long last, string text)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(TestNetwork.Utf8(text));
        }

        return new LogChunk(new OperationId(operation), first, last, TestNetwork.Utf8(text).Length, packed.ToArray());
    }
}
