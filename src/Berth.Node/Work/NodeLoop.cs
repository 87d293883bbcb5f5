using System.Collections.Immutable;
using System.Security.Cryptography;
using Berth.Containers;
using Berth.Node.Capacity;
using Berth.Node.Leases;
using Berth.Node.Resources;
using Berth.Node.Runs;
using Berth.Protocol;

namespace Berth.Node.Work;

/// <summary>A node at work: one run at a time on each of its slots, from the process's start until it leaves.</summary>
public sealed class NodeLoop
{
    private static readonly TimeSpan ClaimWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan SweepPace = TimeSpan.FromHours(1);
    private static readonly TimeSpan FarewellPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SweepPatience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan EnginePace = TimeSpan.FromSeconds(5);

    /// <summary>MiB.</summary>
    private const long LeastRoom = 256;

    private readonly NodeSettings _settings;
    private readonly NodeScope _scope;
    private readonly NodeExit _exit;
    private readonly string _instance;
    private readonly Lock _statusLock = new();
    private NodeStatus _status;
    private Machine? _machine;
    private ImmutableArray<NodeSlot> _slots = [];
    private long _sweptAt;
    private volatile bool _isSuperseded;

    public NodeLoop(NodeSettings settings, IContainerEngine engine, MarketClient client, ResourceStore resources, NodeLog log, NodeExit exit, TimeProvider time)
        : this(settings, engine, client, resources, log, exit, time, BootIdOfMachine(), Random.Shared.NextDouble, RunJournal.OpenFile)
    {
    }

    internal NodeLoop(
        NodeSettings settings,
        IContainerEngine engine,
        MarketClient client,
        ResourceStore resources,
        NodeLog log,
        NodeExit exit,
        TimeProvider time,
        string bootId,
        Func<double> chance,
        Func<string, FileStream> openJournal)
    {
        _settings = settings;
        _exit = exit;
        _instance = $"{time.GetUtcNow().ToUnixTimeMilliseconds():x12}-{Base(8)}";
        _scope = new NodeScope(settings.Node, settings.StateDirectory, engine, client, log, new ServerPatience(log, time, chance), time)
        {
            Key = settings.Key,
            BootId = bootId,
            Resources = resources,
            Guarding = settings.Guarding,
            Limits = settings.Limits,
            OpenJournal = openJournal,
        };
        _status = new NodeStatus
        {
            Node = settings.Node,
            Market = settings.Market,
            Version = Machine.Version,
            Process = Environment.ProcessId,
            Since = time.GetUtcNow(),
        };
    }

    public NodeStatus Status
    {
        get
        {
            lock (_statusLock)
            {
                return _status with { IsDraining = _exit.Draining.IsCancellationRequested, IsServerThere = _scope.Server.IsServerThere };
            }
        }
    }

    /// <summary>
    /// 1 measure the machine, 2 own what a process before this one left unfinished, 3 go on with it, while the node 4 registers, 5 sweeps up what nobody owns,
    /// 6 fetches the images and resources its market requires, and 7 works on every slot until it leaves.
    /// </summary>
    /// <exception cref="EngineException">No engine answers at the start.</exception>
    /// <exception cref="MarketException">The server does not want this node, or the market is none.</exception>
    /// <exception cref="NodeRefusedException">The machine cannot be divided as asked, or another agent has taken the node over.</exception>
    public async Task RunAsync()
    {
        try
        {
            // 1
            _machine = await Machine.MeasureAsync(_scope.Engine, _settings.StateDirectory, _scope.Time, _exit.Draining);
            Divide(_machine);
        }
        catch (OperationCanceledException) when (_exit.Draining.IsCancellationRequested)
        {
            return;
        }

        // 2
        var unfinished = RunFolder.All(_settings.StateDirectory).Select(folder => LeasedRun.Find(folder, _scope)).OfType<LeasedRun>().ToArray();

        // 3
        var resumed = unfinished.Select(run => (run.Slot, Work: ResumeAsync(run))).ToImmutableArray();
        try
        {
            // 4
            await UntilAnsweredAsync(() => RegisterAsync(isDraining: false, _exit.Draining));

            // 5
            await SweepAsync();

            // 6
            await PrefetchAsync();

            // 7
            using var noMoreClaims = new CancellationTokenSource();
            await Task.WhenAll([
                AnnounceDrainAsync(noMoreClaims),
                .. _slots.Select(slot => ServeAsync(slot, [.. resumed.Where(one => one.Slot.Excludes(slot)).Select(one => one.Work)], noMoreClaims.Token)),
            ]);
        }
        catch (OperationCanceledException) when (_exit.Draining.IsCancellationRequested)
        {
            // It was told to leave before it was ready.
        }
        finally
        {
            await Task.WhenAll(resumed.Select(one => one.Work));
        }

        _scope.Log.Say("Left the market; nothing runs here any more.");
    }

    private void Divide(Machine machine)
    {
        var (slots, refusal) = NodeSlot.Divide(_settings.Slots, machine.Gpus);
        _slots = slots ?? throw new NodeRefusedException(refusal!);
        lock (_statusLock)
        {
            _status = _status with { Slots = [.. _slots.Select(slot => new SlotStatus(slot.Name, slot.Gpus))] };
        }
    }

    private static string Base(int bytes) => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(bytes));

    private static string BootIdOfMachine()
    {
        const string Path = "/proc/sys/kernel/random/boot_id";
        return File.Exists(Path) ? File.ReadAllText(Path).Trim() : Base(16);
    }

    private async Task ResumeAsync(LeasedRun run)
    {
        await Task.Yield();
        _scope.Log.Say($"Going on with job {run.Lease.Job}, which a process before this one began.");
        await WorkAsync(run);
    }

    // The server is told before the claims that wait are let go of, so that no lease is lost on its way; but not by an agent whose place another has.
    private async Task AnnounceDrainAsync(CancellationTokenSource noMoreClaims)
    {
        await Task.WhenAny(Task.Delay(Timeout.InfiniteTimeSpan, _scope.Time, _exit.Draining));
        if (_isSuperseded)
        {
            await noMoreClaims.CancelAsync();
            return;
        }

        _scope.Log.Say("Draining: what runs here may finish, and nothing new is taken.");
        using var late = new CancellationTokenSource(FarewellPatience, _scope.Time);
        try
        {
            await RegisterAsync(isDraining: true, late.Token);
        }
        catch (Exception away) when (away is MarketException or OperationCanceledException)
        {
            // A server that is away has no claim of this node that waits.
        }

        await noMoreClaims.CancelAsync();
    }

    private Task<NodeFacts> RegisterAsync(bool isDraining, CancellationToken ct) => _scope.Client.RegisterAsync(
        _settings.Node,
        new NodeRegistration
        {
            Market = _settings.Market,
            Machine = _machine!.Facts,
            Slots = [.. _slots.Select(slot => slot.Facts(_machine.Engine))],
            Instance = _instance,
            EncryptionKey = _settings.Key?.Published,
            IsDraining = isDraining,
        },
        ct);

    private async Task UntilAnsweredAsync(Func<Task> ask)
    {
        for (var pauses = _scope.Server.Begin(); ;)
        {
            try
            {
                await ask();
                pauses.Over();
                return;
            }
            catch (MarketException away) when (away.IsTransient)
            {
                await pauses.WaitAsync(away.Message, _exit.Draining);
            }
        }
    }

    private async Task PrefetchAsync()
    {
        MarketFacts? market = null;
        await UntilAnsweredAsync(async () => market = await _scope.Client.GetMarketAsync(_settings.Market, _exit.Draining));
        await new ImagePrefetch(_scope).EnsureAsync(market!.RequiredImages, _exit.Draining);
        await new ResourcePrefetch(_scope).EnsureAsync(market.RequiredResources, _exit.Draining);
    }

    // Claims one lease after the other. Whatever goes wrong ends a turn of this loop, never the loop.
    private async Task ServeAsync(NodeSlot slot, ImmutableArray<Task> before, CancellationToken noMoreClaims)
    {
        await Task.WhenAll(before);
        var pauses = _scope.Server.Begin();
        var claim = Base(16);
        var hasSaid = false;
        while (!_exit.Draining.IsCancellationRequested)
        {
            try
            {
                var engine = await ReadyAsync();
                if (!hasSaid)
                {
                    _scope.Log.Say($"Waiting for work in market {_settings.Market} as {_settings.Node}{(_slots.Length > 1 ? $", slot {slot.Name}" : "")}.");
                    hasSaid = true;
                }

                Show(slot, status => status with { IsWaiting = true });
                var sent = LeaseKeeper.Now(_scope.Time);
                var lease = await _scope.Client.ClaimAsync(
                    _settings.Market,
                    new ClaimRequest
                    {
                        Claim = claim,
                        Slot = slot.Name,
                        Instance = _instance,
                        WaitSeconds = ClaimWait.TotalSeconds,
                        DiskMib = Machine.FreeDisk(engine, _settings.StateDirectory),
                    },
                    noMoreClaims);
                pauses.Over();
                if (lease is null)
                {
                    await AtLeastASecondSinceAsync(sent);
                    continue;
                }

                claim = Base(16);
                hasSaid = false;
                _scope.Log.Say($"Took job {lease.Job}, attempt {lease.Attempt}{(_slots.Length > 1 ? $", in slot {slot.Name}" : "")}.");
                // The claim may have waited long before there was a lease; whether it is accepted in time is for the market to say.
                await WorkAsync(LeasedRun.Take(lease, slot, LeaseKeeper.Now(_scope.Time), _scope));
                await SweepNowAndThenAsync();
                GiveMemoryBack();
            }
            catch (MarketException other) when (other.Code == ProblemTypes.Superseded)
            {
                _isSuperseded = true;
                _exit.Drain(null);
                throw new NodeRefusedException($"Another agent works as {_settings.Node} now; this one finished what it had and leaves.");
            }
            catch (MarketException closed) when (closed.Code == ProblemTypes.Conflict && !_exit.Draining.IsCancellationRequested)
            {
                _exit.Drain(null);
                throw new NodeRefusedException($"There will be no work here; this node finished what it had and leaves. {closed.Message}");
            }
            catch (MarketException away)
            {
                Show(slot, status => status with { IsWaiting = false });
                await AfterAsync(away, pauses);
            }
            catch (OperationCanceledException) when (_exit.Draining.IsCancellationRequested)
            {
                break;
            }
            catch (Exception broken) when (broken is IOException or UnauthorizedAccessException)
            {
                _scope.Log.Say($"A job could not be taken: {broken.Message}");
                await Task.WhenAny(Task.Delay(EnginePace, _scope.Time, _exit.Draining));
            }
        }

        Show(slot, status => status with { IsWaiting = false });
    }

    // A server that forgot the node, a database having been put back, is told again who it is.
    private async Task AfterAsync(MarketException refused, ServerPatience.Pauses pauses)
    {
        try
        {
            if (refused.Code != ProblemTypes.NotRegistered || !await CouldRegisterAsync())
            {
                await pauses.WaitAsync(refused.Message, _exit.Draining);
            }
        }
        catch (OperationCanceledException) when (_exit.Draining.IsCancellationRequested)
        {
            // The loop looks for that itself.
        }
    }

    private async Task<bool> CouldRegisterAsync()
    {
        try
        {
            await RegisterAsync(isDraining: false, _exit.Draining);
            return true;
        }
        catch (MarketException)
        {
            return false;
        }
    }

    private async Task AtLeastASecondSinceAsync(TimeSpan sent)
    {
        if (LeaseKeeper.Now(_scope.Time) - sent is var took && took < TimeSpan.FromSeconds(1))
        {
            await Task.Delay(TimeSpan.FromSeconds(1) - took, _scope.Time, _exit.Draining);
        }
    }

    /// <summary>The engine, once it answers and the node's own folder has room for the logs and the journal of another run.</summary>
    private async Task<EngineDescription> ReadyAsync()
    {
        for (var hasSaid = (string?)null; ;)
        {
            string lack;
            try
            {
                var engine = await _scope.Engine.DescribeAsync(_exit.Draining);
                if (Machine.Room(_settings.StateDirectory) is null or >= LeastRoom)
                {
                    if (hasSaid is not null)
                    {
                        _scope.Log.Say("All is well again: work is taken.");
                    }

                    return engine;
                }

                lack = $"No work is taken until there are {LeastRoom} MiB free for {_settings.StateDirectory}; 'berth node prune' removes what is old.";
            }
            catch (EngineException away)
            {
                lack = $"No work is taken until the container engine is back. {away.Message}";
            }

            if (lack != hasSaid)
            {
                _scope.Log.Say(lack);
                hasSaid = lack;
            }

            await Task.Delay(EnginePace, _scope.Time, _exit.Draining);
        }
    }

    private async Task WorkAsync(LeasedRun run)
    {
        var isClean = false;
        using (run)
        {
            Show(run.Slot, status => status with { IsWaiting = false, Job = run.Lease.Job, Run = run.Lease.Run, Since = _scope.Time.GetUtcNow() });
            try
            {
                isClean = await run.WorkAsync(_exit);
            }
            catch (Exception fault)
            {
                // Whatever it is, the node goes on; the market tries the job elsewhere.
                _scope.Log.Say($"The work on job {run.Lease.Job} broke off: {fault.Message} ({fault.GetType().Name})");
            }
            finally
            {
                Show(run.Slot, status => status with { Job = null, Run = null, Since = null });
            }
        }

        // The folder had to be let go of first: the sweeper passes over what somebody owns.
        if (!isClean)
        {
            await SweepAsync();
        }
    }

    // A node that waits is to cost its host next to nothing; what the run took would otherwise be kept until the next one.
    private void GiveMemoryBack()
    {
        if (Status.Slots.All(slot => slot.Job is null))
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }

    private async Task SweepNowAndThenAsync()
    {
        var due = Interlocked.Read(ref _sweptAt);
        if (_scope.Time.GetElapsedTime(due) >= SweepPace && Interlocked.CompareExchange(ref _sweptAt, _scope.Time.GetTimestamp(), due) == due)
        {
            await SweepAsync();
        }
    }

    private async Task SweepAsync()
    {
        Interlocked.Exchange(ref _sweptAt, _scope.Time.GetTimestamp());
        using var limit = new CancellationTokenSource(SweepPatience, _scope.Time);
        try
        {
            await new Sweeper(_scope.Engine, _settings.Node.Value, _settings.StateDirectory, _scope.Time).SweepAsync(_settings.KeepFolders, _scope.Log.Say, limit.Token);
        }
        catch (Exception fault) when (fault is EngineException or IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            _scope.Log.Say($"Could not sweep up what runs before this left: {fault.Message}");
        }
    }

    private void Show(NodeSlot slot, Func<SlotStatus, SlotStatus> change)
    {
        lock (_statusLock)
        {
            _status = _status with { Slots = [.. _status.Slots.Select(status => status.Slot == slot.Name ? change(status) : status)] };
        }
    }
}
