using System.Collections.Concurrent;
using System.Diagnostics;
using Berth.Jobs;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Load;

/// <summary>Clients and nodes of a network as a server sees them: every request is signed and goes over TCP; there are no containers.</summary>
internal sealed class NetworkLoad(Uri server, SigningKey operatorKey, SocketsHttpHandler transport)
{
    private const string Definition = """{"version":"0.1","type":"container","ops":[{"type":"container/run","id":"one","args":{"image":"busybox","cmd":["true"]}}]}""";
    private const int MostSlots = 256;
    private readonly string _market = $"load-{Guid.NewGuid():N}"[..16];

    /// <summary>Posts a second: count posts by so many clients at once.</summary>
    public async Task<string> PostAsync(int count, int clients)
    {
        await PrepareAsync();
        var (seconds, times) = await PostAllAsync(count, clients);
        return $"posts {count / seconds:0}/s p50 {At(times, 50):0.0} ms p99 {At(times, 99):0.0} ms";
    }

    /// <summary>Claims a second: count jobs wait, and so many nodes take them as fast as they can.</summary>
    public async Task<string> ClaimAsync(int count, int nodes)
    {
        await PrepareAsync();
        await PostAllAsync(count, clients: 8);
        var left = count;
        var all = await Task.WhenAll(Enumerable.Range(0, nodes).Select(async _ =>
        {
            var key = SigningKey.New();
            var client = Connect(key);
            await RegisterAsync(client, key, slots: MostSlots);
            return client;
        }));
        var times = new ConcurrentBag<double>();
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(all.Select(async first =>
        {
            var client = first;

            // A slot that has a lease takes nothing more; each claim is of another, and so of another node where one has no more.
            for (var slot = 0; Interlocked.Decrement(ref left) >= 0; slot++)
            {
                if (slot == MostSlots)
                {
                    var next = SigningKey.New();
                    client = Connect(next);
                    await RegisterAsync(client, next, slots: MostSlots);
                    slot = 0;
                }

                var asked = Stopwatch.GetTimestamp();
                var lease = await client.ClaimAsync(_market, new ClaimRequest { Claim = Guid.NewGuid().ToString("N"), Slot = $"{slot}", WaitSeconds = 0 }, CancellationToken.None);
                times.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
                if (lease is null)
                {
                    Interlocked.Increment(ref left);
                }
            }
        }));
        return $"claims {count / Stopwatch.GetElapsedTime(began).TotalSeconds:0}/s p50 {At(times, 50):0.0} ms p99 {At(times, 99):0.0} ms";
    }

    /// <summary>So many nodes wait; jobs are posted one after another: how long until a node has each.</summary>
    public async Task<string> WaitAsync(int nodes, int posts)
    {
        await PrepareAsync();
        var leased = new ConcurrentDictionary<JobId, TaskCompletionSource>();
        using var over = new CancellationTokenSource();
        var waiting = new List<Task>();
        using var some = new SemaphoreSlim(64);
        for (var number = 0; number < nodes; number++)
        {
            await some.WaitAsync();
            var ready = new TaskCompletionSource();
            waiting.Add(NodeAsync(leased, ready, over.Token));
            _ = ready.Task.ContinueWith(_ => some.Release(), TaskScheduler.Default);
        }

        using var watcher = Connect(operatorKey);
        while ((await watcher.GetMarketAsync(_market, CancellationToken.None)).SlotsWaiting < nodes)
        {
            await Task.Delay(100);
        }

        using var client = Connect(operatorKey);
        var (posted, matched) = (new List<double>(), new List<double>());
        for (var number = 0; number < posts; number++)
        {
            var post = APost();
            var got = leased.GetOrAdd(post.Job, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
            var began = Stopwatch.GetTimestamp();
            await client.PostAsync(post, CancellationToken.None);
            posted.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await got.Task;
            matched.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        await over.CancelAsync();
        return $"nodes {nodes} post p50 {At(posted, 50):0.0} ms p99 {At(posted, 99):0.0} ms; post to lease p50 {At(matched, 50):0.0} ms p99 {At(matched, 99):0.0} ms";
    }

    private static double At(IEnumerable<double> times, int percent) => times.Order().ToList() is var sorted ? sorted[Math.Min(sorted.Count - 1, sorted.Count * percent / 100)] : 0;

    private JobPost APost() => new() { Job = JobId.New(), Market = _market, Definition = Definition, WaitForFit = true, TimeoutSeconds = 60 };

    private async Task NodeAsync(ConcurrentDictionary<JobId, TaskCompletionSource> leased, TaskCompletionSource ready, CancellationToken over)
    {
        using var key = SigningKey.New();
        using var client = Connect(key);
        try
        {
            await RegisterAsync(client, key, slots: 1);
            ready.SetResult();
            while (true)
            {
                var lease = await client.ClaimAsync(_market, new ClaimRequest { Claim = Guid.NewGuid().ToString("N"), Slot = "0", WaitSeconds = 60 }, over);
                if (lease is not null)
                {
                    leased.GetOrAdd(lease.Job, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            ready.TrySetResult();
        }
    }

    private async Task PrepareAsync()
    {
        using var client = Connect(operatorKey);
        await client.CreateMarketAsync(new MarketDraft { Slug = _market, Price = new Nos(1) }, CancellationToken.None);
        await client.GrantAsync(operatorKey.Address, new Grant(new Nos(1_000_000_000_000)), Guid.NewGuid().ToString(), CancellationToken.None);
    }

    private async Task<(double Seconds, ConcurrentBag<double> Times)> PostAllAsync(int count, int clients)
    {
        var left = count;
        var times = new ConcurrentBag<double>();
        using var purse = Connect(operatorKey);
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            using var key = SigningKey.New();
            await purse.GrantAsync(key.Address, new Grant(new Nos(1_000_000_000)), Guid.NewGuid().ToString(), CancellationToken.None);
            using var client = Connect(key);
            while (Interlocked.Decrement(ref left) >= 0)
            {
                var asked = Stopwatch.GetTimestamp();
                await client.PostAsync(APost(), CancellationToken.None);
                times.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            }
        }));
        return (Stopwatch.GetElapsedTime(began).TotalSeconds, times);
    }

    private Task<NodeFacts> RegisterAsync(MarketClient client, SigningKey key, int slots) => client.RegisterAsync(
        key.Address,
        new NodeRegistration
        {
            Market = _market,
            Instance = "load",
            Machine = new MachineFacts { Cpus = 8, MemoryMib = 32_000, DiskMib = 100_000, Engine = "none", Version = "0" },
            Slots = [.. Enumerable.Range(0, slots).Select(slot => new SlotFacts { Slot = $"{slot}", Cpus = 8, MemoryMib = 30_000 })],
        },
        CancellationToken.None);

    private MarketClient Connect(SigningKey key) => MarketClient.Connect(server, key, TimeProvider.System, new Shared(transport));

    /// <summary>The one transport of all clients, which none of them disposes.</summary>
    private sealed class Shared(SocketsHttpHandler transport) : HttpMessageHandler
    {
        private readonly HttpMessageInvoker _invoker = new(transport, disposeHandler: false);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => _invoker.SendAsync(request, cancellationToken);

        protected override void Dispose(bool disposing)
        {
            _invoker.Dispose();
            base.Dispose(disposing);
        }
    }
}
