using System.Text;
using Berth.Jobs.Definitions;
using Berth.Node.Runs;
using Berth.Node.Work;
using Berth.Protocol;
using Berth.Protocol.Sealing;

namespace Berth.Node.Leases;

/// <summary>How a node comes to the definition of a job it has a lease for: as it came, fetched again, or opened with what the poster's client hands over.</summary>
internal sealed class JobOpening(StoredLease stored, string? definition, RunFolder folder, NodeScope scope)
{
    /// <summary>What was handed over is not for this node, or not for this job.</summary>
    public static readonly Handover Unusable = new() { Definition = "" };

    private static readonly TimeSpan HandoverWait = TimeSpan.FromSeconds(30);

    private Lease Lease => stored.Lease;

    public static DocumentFormat FormatOf(DefinitionFormat format) => format == DefinitionFormat.Yaml ? DocumentFormat.Yaml : DocumentFormat.Json;

    /// <summary>
    /// Waits, while the lease is kept, for what opens the job, and seals the run's folder with it when the job is confidential; null when the run is to end before it came, or nothing is
    /// sealed. It is never written down: another process asks again.
    /// </summary>
    public async Task<Handover?> WaitAsync(StopSignal stop)
    {
        if (!Lease.IsSealed || await AskForHandoverAsync(stop) is not { } box)
        {
            return null;
        }

        var handover = scope.Key is { } key ? Handover.Open(box, Lease.Job, key) : null;
        if (handover is null || handover.Definition != Lease.DefinitionId)
        {
            return Unusable;
        }

        if (Lease.IsConfidential)
        {
            if (ContentKey.Of(handover.JobKey) is not { } job)
            {
                return Unusable;
            }

            using (job)
            {
                folder.Seal = new RunSeal(job, Lease.Run);
            }
        }

        return handover;
    }

    /// <summary>The text of the definition; empty when what was handed over does not open it.</summary>
    public async Task<(string Text, DocumentFormat Format)> DefinitionAsync(Handover? handover, StopSignal stop)
    {
        if (Lease.IsConfidential)
        {
            using var key = ContentKey.Of(handover!.JobKey);
            return SealedDefinition.Open(Lease.Definition, Lease.Job, key!) is { } opened ? (opened.Definition, FormatOf(opened.Format)) : ("", DocumentFormat.Json);
        }

        return definition is not null ? (definition, FormatOf(Lease.Format))
            : stored.IsAbridged && await FetchDefinitionAsync(stop) is { } fetched ? (fetched, FormatOf(Lease.Format))
            : (Lease.Definition, DocumentFormat.Json);
    }

    // Without an answer the run can still be stopped by what is kept of its definition.
    private async Task<string?> FetchDefinitionAsync(StopSignal stop)
    {
        var pauses = scope.Server.Begin();
        try
        {
            while (true)
            {
                try
                {
                    var bytes = await scope.Client.GetDefinitionAsync(Lease.Job, stop.Ended);
                    pauses.Over();
                    return Encoding.UTF8.GetString(bytes);
                }
                catch (MarketException away)
                {
                    await pauses.WaitAsync(away.Message, stop.Ended);
                }
            }
        }
        catch (OperationCanceledException) when (stop.Ended.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task<SealedBox?> AskForHandoverAsync(StopSignal stop)
    {
        var pauses = scope.Server.Begin();
        var hasSaid = false;
        try
        {
            while (true)
            {
                try
                {
                    var box = await scope.Client.OpenAsync(Lease.Run, new OpeningRequest { Fence = Lease.Fence, WaitSeconds = hasSaid ? HandoverWait.TotalSeconds : 1 }, stop.Ended);
                    pauses.Over();
                    if (box is not null)
                    {
                        return box;
                    }

                    if (!hasSaid)
                    {
                        scope.Log.Say($"Job {Lease.Job} waits for its owner's client to hand over what is sealed in it.");
                        hasSaid = true;
                    }
                }
                catch (MarketException no) when (no.TakesTheRunAway)
                {
                    // Who keeps the lease hears it too, and says so.
                    await Task.Delay(Timeout.InfiniteTimeSpan, scope.Time, stop.Ended);
                }
                catch (MarketException away)
                {
                    await pauses.WaitAsync(away.Message, stop.Ended);
                }
            }
        }
        catch (OperationCanceledException) when (stop.Ended.IsCancellationRequested)
        {
            return null;
        }
    }
}
