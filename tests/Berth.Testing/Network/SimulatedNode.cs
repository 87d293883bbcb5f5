using System.Collections.Concurrent;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol;

namespace Berth.Testing.Network;

/// <summary>A node that lives on the wire only, and misbehaves at random: it is deaf, falls silent, comes back late, starts anew, refuses, repeats itself.</summary>
public sealed class SimulatedNode(TestNode node, Random chance, ConcurrentDictionary<JobId, ConcurrentBag<RunId>> accepted)
{
    /// <summary>Takes job after job until told to end. What the market refuses is part of its life; anything else is not.</summary>
    public async Task LiveAsync(CancellationToken ended)
    {
        var claim = Guid.NewGuid().ToString();
        while (!ended.IsCancellationRequested)
        {
            try
            {
                if (await node.ClaimAsync(claim, waitSeconds: 5, ct: ended) is { } lease)
                {
                    claim = Guid.NewGuid().ToString();
                    await WorkAsync(lease);
                }
            }
            catch (MarketException refused) when (refused.Code is ProblemTypes.LeaseLost or ProblemTypes.Conflict || refused.IsTransient)
            {
                claim = Guid.NewGuid().ToString();
            }
            catch (OperationCanceledException) when (ended.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task WorkAsync(Lease lease)
    {
        switch (chance.Next(100))
        {
            case < 4:
                // Deaf: the lease is never accepted.
                return;
            case < 10:
                await node.RenewAsync(lease);
                return;
            case < 14:
                await node.RenewAsync(lease);
                await node.RestartAsync();
                return;
            case < 18:
                await node.RenewAsync(lease);
                await node.FinishAsync(lease, RunOutcome.Refused);
                return;
            case < 24:
                await node.RenewAsync(lease);
                await node.ReportAsync(lease, TestNode.Story(lease, RunOutcome.Succeeded)[..2], [TestNode.Lines("one", 1, 3)]);
                await node.RenewAsync(lease, waitSeconds: 10);
                break;
            default:
                await node.RenewAsync(lease);
                break;
        }

        for (var times = chance.Next(1, 3); times > 0; times--)
        {
            if ((await node.FinishAsync(lease)).IsSettled && times == 1)
            {
                accepted.GetOrAdd(lease.Job, _ => []).Add(lease.Run);
            }
        }
    }
}
