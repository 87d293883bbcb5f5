using System.Text;
using Berth.Containers;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Node.Artefacts;
using Berth.Node.Capacity;
using Berth.Node.Reports;
using Berth.Node.Runs;
using Berth.Node.Work;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Node.Leases;

/// <summary>
/// One run that a market leased to this node, from its acceptance until the market has settled it, or from wherever a process that died left it. Whoever holds one owns the
/// run's folder.
/// </summary>
internal sealed class LeasedRun : IDisposable
{
    private static readonly TimeSpan DoubtPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FarewellPatience = TimeSpan.FromSeconds(30);
    private readonly StoredLease _stored;
    private readonly RunFolder _folder;
    private readonly IDisposable _lock;
    private readonly NodeScope _scope;
    private readonly LeaseKeeper _keeper;
    private readonly RunReporter _reporter;
    private readonly JobOpening _opening;
    private readonly RunExtension _extension = new();
    private readonly string? _definition;
    private readonly bool _isNew;
    private bool _wasOver;

    private LeasedRun(StoredLease stored, string? definition, RunFolder folder, IDisposable held, NodeScope scope)
    {
        (_stored, _definition, _folder, _lock, _scope) = (stored, definition, folder, held, scope);
        _isNew = definition is not null;
        _keeper = new LeaseKeeper(stored, folder, scope);
        _reporter = new RunReporter(stored.Lease, folder, scope);
        _opening = new JobOpening(stored, definition, folder, scope);
    }

    public Lease Lease => _stored.Lease;

    public NodeSlot Slot => _stored.Slot;

    private bool IsSameBoot => _stored.BootId == _scope.BootId;

    /// <summary>Makes a folder for a lease that was just given and writes it down; it may be accepted until its length after <paramref name="given"/>.</summary>
    public static LeasedRun Take(Lease lease, NodeSlot slot, TimeSpan given, NodeScope scope)
    {
        var folder = RunFolder.Of(scope.StateDirectory, lease.Run);
        var held = folder.TryOwn() ?? throw new IOException($"The folder of run {lease.Run} is in use by another process.");
        var hadLogins = false;
        var definition = lease.IsConfidential ? null : JobDefinitionReader.Read(Encoding.UTF8.GetBytes(lease.Definition), JobOpening.FormatOf(lease.Format)).Definition;
        var stored = new StoredLease
        {
            Lease = lease.IsConfidential ? lease : lease with { Definition = definition is null ? "" : DefinitionKeeping.WithoutLogins(definition, out hadLogins) },
            IsAbridged = !lease.IsConfidential && (definition is null || hadLogins),
            Slot = slot,
            BootId = scope.BootId,
            Until = given + TimeSpan.FromSeconds(lease.LeaseSeconds),
        };
        stored.Save(folder, flushToDisk: true);
        return new LeasedRun(stored, lease.Definition, folder, held, scope);
    }

    /// <summary>The run of the folder when it is one to go on with: held under a lease, and by no other process.</summary>
    public static LeasedRun? Find(RunFolder folder, NodeScope scope)
    {
        if (!File.Exists(folder.Lease) || folder.TryOwn() is not { } held)
        {
            return null;
        }

        if (StoredLease.Load(folder) is { Standing: LeaseStanding.Held } stored)
        {
            return new LeasedRun(stored, null, folder, held, scope);
        }

        held.Dispose();
        return null;
    }

    /// <summary>
    /// 1 make sure of the lease, 2 work on the run while the lease is kept and everything is reported, 3 deliver what is left of it, 4 close the folder.
    /// A node that leaves hands the run back; what it cannot deliver in time its next process does. False when something of the run may be left on the engine.
    /// </summary>
    public async Task<bool> WorkAsync(NodeExit exit)
    {
        var since = _scope.Time.GetTimestamp();
        using var stop = new StopSignal();

        // 1
        try
        {
            if (await DoubtAsync(stop, exit.Stopping) is { } doubt)
            {
                Forget(doubt);
                return false;
            }
        }
        catch (OperationCanceledException) when (exit.Stopping.IsCancellationRequested)
        {
            return true;
        }

        // 2
        using var settled = new CancellationTokenSource();
        using var silenced = new CancellationTokenSource();
        await using var leaving = exit.Stopping.Register(() => stop.Request(StopReason.NodeShutdown));
        await using var hurrying = exit.AtOnce.Register(stop.Hurry);
        var keeping = _keeper.KeepAsync(renewal => Heed(renewal, stop), settled.Token);
        var opening = OpenAsync(stop);
        var reporting = ReportAsync(opening, silenced.Token);
        var executing = ExecuteAsync(opening, stop);
        try
        {
            await Task.WhenAny(executing, keeping, reporting);
            if (executing.IsCompletedSuccessfully || _reporter.HasReadEnd)
            {
                // 3
                _keeper.RunHasEnded();
                _reporter.RunHasEnded(await executing);
                await Task.WhenAny(reporting, FarewellAsync(exit.Stopping, settled.Token));
            }
            else if (executing.IsFaulted)
            {
                await executing;
            }

            // 4
            await settled.CancelAsync();
            await silenced.CancelAsync();
            var loss = await keeping;
            var delivery = await DeliveryAsync(reporting);
            if (!executing.IsCompletedSuccessfully)
            {
                await LoseAsync(loss, stop, executing);
            }
            else if (delivery is null)
            {
                _scope.Log.Say($"Leaving before the end of job {Lease.Job} could be told; the next start of this node tells it.");
            }
            else
            {
                Close(delivery == Delivery.Settled ? LeaseStanding.Settled : LeaseStanding.Lost);
                _scope.Log.Say(delivery == Delivery.Settled
                    ? Words(await executing, _scope.Time.GetElapsedTime(since))
                    : $"Job {Lease.Job} ended, but it is no longer this node's to tell of.");
            }

            return (await executing).Outcome != RunOutcome.Lost && !_wasOver;
        }
        catch
        {
            // What broke is a fault of ours: the lease lapses and the job is tried elsewhere.
            Close(LeaseStanding.Lost);
            throw;
        }
        finally
        {
            stop.Request(StopReason.NodeShutdown);
            await settled.CancelAsync();
            await silenced.CancelAsync();
            await Task.WhenAny(Task.WhenAll(keeping, reporting, executing));
            _folder.Seal?.Dispose();
        }
    }

    public void Dispose() => _lock.Dispose();

    private async Task<string?> DoubtAsync(StopSignal stop, CancellationToken leaving)
    {
        if (StateSoFar().IsEnded)
        {
            _keeper.RunHasEnded();
            return null;
        }

        if (!_isNew && IsSameBoot && _keeper.Left > TimeSpan.Zero)
        {
            return null;
        }

        if (!_isNew)
        {
            // After another start of the machine nothing of the run is alive, so there is time to ask; else its containers may run although another node has the job.
            _keeper.DoubtFor(IsSameBoot ? DoubtPatience : TimeSpan.FromSeconds(Lease.LeaseSeconds));
        }

        var loss = await _keeper.ProveAsync(renewal => Heed(renewal, stop), leaving);
        if (loss is null && !_isNew && !IsSameBoot && !Lease.IsSealed)
        {
            await CatchUpAsync(leaving);
        }

        return loss;
    }

    // A machine that lost its power may have lost events that the market was told already; their numbers are not to be given again.
    private async Task CatchUpAsync(CancellationToken leaving)
    {
        if (await _reporter.AskAsync(leaving) is not { } receipt)
        {
            return;
        }

        using var journal = RunJournal.Open(_folder.Journal, _scope.Time, _ => { }, _scope.OpenJournal, _folder.Seal);
        while (journal.State.LastNumber < receipt.LastEvent)
        {
            journal.Append(new Notice(NoticeLevel.Information, "The machine went down and forgot this event; the market has it."));
        }
    }

    private void Heed(Renewal renewal, StopSignal stop)
    {
        _extension.Allow(TimeSpan.FromSeconds(renewal.TimeoutSeconds));
        if (renewal.Stop)
        {
            stop.Request(StopReason.StoppedByClient);
        }
    }

    private async Task<Delivery> ReportAsync(Task<Handover?> opening, CancellationToken silenced)
    {
        await opening.WaitAsync(silenced);
        return await _reporter.DeliverAsync(_isNew, silenced);
    }

    private async Task<Handover?> OpenAsync(StopSignal stop)
    {
        await Task.Yield();
        var handover = await _opening.WaitAsync(stop);
        if (handover is not null && handover != JobOpening.Unusable && !_isNew && !IsSameBoot)
        {
            await CatchUpAsync(stop.Ended);
        }

        return handover;
    }

    private async Task<RunState> ExecuteAsync(Task<Handover?> opening, StopSignal stop)
    {
        await Task.Yield();
        var handover = await opening;
        if (StateSoFar() is { IsEnded: true } ended)
        {
            // Whoever ended it may have died before everything of it was removed.
            _wasOver = true;
            return ended;
        }

        if (_definition is not null && UnixFsHasher.IdOf(Encoding.UTF8.GetBytes(_definition)).Value != Lease.DefinitionId)
        {
            return End(RunOutcome.Refused, $"The definition is not the one with the content id {Lease.DefinitionId}.");
        }

        if (Lease.IsSealed && handover is null)
        {
            return End(RunOutcome.Lost, "The run ended before what is sealed in the job was handed over.");
        }

        if (handover == JobOpening.Unusable)
        {
            return End(RunOutcome.Refused, "What was handed over for the job is not for this node, or not for this definition.");
        }

        var (text, format) = await _opening.DefinitionAsync(handover, stop);
        var reading = JobDefinitionReader.Read(Encoding.UTF8.GetBytes(text), format);
        if (reading.Definition is not { } definition)
        {
            var fault = reading.Problems.First(problem => problem.Severity == Severity.Error);
            return End(RunOutcome.Refused, $"This node cannot read the definition. {fault.Path}: {fault.Message}");
        }

        var request = Request(definition, handover);
        RunAdmission admission;
        try
        {
            admission = await RunAdmission.ForAsync(request, _scope.Engine, _scope.Time, stop.AtOnce);
        }
        catch (EngineException away)
        {
            return End(RunOutcome.Lost, away.Message);
        }

        if (admission.Refusal is { } refusal)
        {
            if (StateSoFar().Run is null)
            {
                return End(RunOutcome.Refused, refusal);
            }

            stop.Request(StopReason.NodeShutdown);
        }

        var sources = new SourceFolders(Lease, _folder, _scope);
        try
        {
            if (StateSoFar().Stopping is null)
            {
                request = request with { Folders = [.. await sources.FetchAsync(stop.Ended)] };
            }
        }
        catch (Exception missing) when (missing is MarketException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return await GiveUpAsync(request, admission, stop, $"A folder that the job was posted with could not be brought here: {missing.Message}");
        }
        catch (OperationCanceledException) when (stop.Ended.IsCancellationRequested)
        {
            // The run ends before it began, or what is left of it is cleaned up.
        }

        var state = await RunAsync(request, admission, stop);
        sources.Remove();
        return state;
    }

    private async Task<RunState> GiveUpAsync(RunRequest request, RunAdmission admission, StopSignal stop, string why)
    {
        if (StateSoFar().Run is null)
        {
            return End(RunOutcome.Lost, why);
        }

        stop.Request(StopReason.NodeShutdown);
        return await RunAsync(request, admission, stop);
    }

    private Task<RunState> RunAsync(RunRequest request, RunAdmission admission, StopSignal stop) =>
        new RunExecutor(_scope.Engine, _scope.Node.Value, _scope.Resources, _scope.Time) { OpenJournal = _scope.OpenJournal }.ExecuteAsync(request, admission, _folder, _reporter, stop);

    private RunRequest Request(JobDefinition definition, Handover? handover) => new()
    {
        Secrets = handover is null ? RunSecrets.None : new RunSecrets(handover.Secrets),
        TakesOutput = !Lease.IsConfidential,
        Run = Lease.Run,
        Job = Lease.Job,
        Definition = definition,
        Timeout = TimeSpan.FromSeconds(Lease.TimeoutSeconds),
        Extension = _extension,
        Gpu = Slot.Choice,
        Shares = Slot.Shares,
        Guarding = _scope.Guarding,
        Artefacts = Lease.Artefacts,
        Outputs = new OutputUploads(Lease, _scope),
        Host = _scope.Node.Value,
        Project = Lease.Poster.Value,
        IngressDomain = Lease.EndpointDomain,
        Limits = _scope.Limits,
    };

    private RunState End(RunOutcome outcome, string message)
    {
        using var journal = RunJournal.Open(_folder.Journal, _scope.Time, _reporter.Happened, _scope.OpenJournal, _folder.Seal);
        journal.Note(new RunEnded(outcome) { Message = message });
        return journal.State;
    }

    private RunState StateSoFar() => File.Exists(_folder.Journal) ? RunState.Of(RunJournal.Read(_folder.Journal, _folder.Seal)) : RunState.Empty;

    // A node that leaves does not wait for a server that is away; what it could not tell is in the folder.
    private async Task FarewellAsync(CancellationToken leaving, CancellationToken settled)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(leaving, settled);
        await Task.WhenAny(Task.Delay(Timeout.InfiniteTimeSpan, _scope.Time, either.Token));
        await Task.Delay(FarewellPatience, _scope.Time, settled);
    }

    private static async Task<Delivery?> DeliveryAsync(Task<Delivery> reporting)
    {
        try
        {
            return await reporting;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    // Written down before anything is stopped: a process that dies meanwhile leaves the rest to the sweeper.
    private async Task LoseAsync(string? why, StopSignal stop, Task<RunState> executing)
    {
        Close(LeaseStanding.Lost);
        _scope.Log.Say($"Lost the lease on job {Lease.Job}; stopping its containers. {why ?? "The market has given the run up."}");
        stop.Request(StopReason.LeaseLost);
        if (why is not null && _keeper.Left is var left && left > TimeSpan.Zero)
        {
            await Task.WhenAny(executing, Task.Delay(left, _scope.Time));
        }

        stop.Hurry();
        await executing;
    }

    private void Forget(string why)
    {
        Close(LeaseStanding.Lost);
        _scope.Log.Say($"Job {Lease.Job} is no longer this node's. {why}");
    }

    private void Close(LeaseStanding standing) => (_stored with { Standing = standing }).Save(_folder, flushToDisk: true);

    private string Words(RunState ended, TimeSpan took)
    {
        var end = ended.Outcome switch
        {
            RunOutcome.Succeeded => "done",
            RunOutcome.Failed => "failed",
            RunOutcome.Expired => "ended for its time",
            RunOutcome.StoppedByClient => "stopped",
            RunOutcome.Lost => "handed back",
            RunOutcome.Refused => "refused",
            _ => throw new System.Diagnostics.UnreachableException("A run that ended has an outcome."),
        };
        return $"Job {Lease.Job} {end}, after {took.TotalSeconds:0.0} s. {(Lease.IsConfidential ? "" : ended.Message)}".TrimEnd();
    }
}
