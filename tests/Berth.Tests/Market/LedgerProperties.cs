using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol;
using Berth.Testing.Network;
using CsCheck;
using Xunit;

namespace Berth.Tests.Market;

/// <summary>Random lives of jobs through the real routes, desks and database: NOS are conserved to the unit.</summary>
public sealed class LedgerProperties
{
    private enum Act
    {
        Post,
        Claim,
        Start,
        Renew,
        Succeed,
        Fail,
        Refuse,
        Lose,
        Stop,
        Extend,
        Wait,
        FallSilent,
        RunOut,
    }

    [Fact]
    public Task After_any_sequence_of_what_may_happen_to_jobs_the_books_balance() => SampleAsync(sequences: 25, length: 40);

    [Fact]
    [Trait("Category", "Long")]
    public Task After_very_many_sequences_of_what_may_happen_to_jobs_the_books_balance() => SampleAsync(sequences: 600, length: 60);

    private static async Task SampleAsync(int sequences, int length)
    {
        await using var network = await TestNetwork.StartAsync(configure: options => options.Fee = 333);
        var nodes = new[] { await network.NodeAsync(), await network.NodeAsync(), await network.NodeAsync() };
        await Gen.Select(Gen.Enum<Act>(), Gen.Int[0, 1000]).Array[length].SampleAsync(
            async acts =>
            {
                await new Life(network, nodes).LiveAsync(acts);
                Assert.Empty(await network.AuditAsync());
            },
            iter: sequences,
            threads: 1);

        // Time puts an end to everything, and then nothing is left in escrow.
        for (var turn = 0; turn < 12; turn++)
        {
            await network.PassAsync(TimeSpan.FromMinutes(2));
        }

        foreach (var waiting in (await network.Client.ListJobsAsync(new JobFilter { State = JobState.Queued, Limit = 200 }, CancellationToken.None)).Items)
        {
            await network.Client.StopAsync(waiting.Job, CancellationToken.None);
        }

        Assert.Empty(await network.AuditAsync());
        Assert.Equal(Nos.Zero, (await network.Client.GetAccountAsync(network.ClientKey.Address, CancellationToken.None)).Escrow);
        Assert.Equal(["0"], await network.AskAsync("select count(*) from accounts where account like 'escrow:%' and balance <> 0"));
    }

    private sealed class Life(TestNetwork network, TestNode[] nodes)
    {
        private readonly List<JobId> _jobs = [];
        private readonly List<(TestNode Node, Lease Lease)> _leases = [];

        public async Task LiveAsync((Act Act, int Number)[] acts)
        {
            foreach (var (act, number) in acts)
            {
                try
                {
                    await DoAsync(act, number);
                }
                catch (MarketException refused) when (refused.Status is { } status && (int)status is >= 400 and < 500)
                {
                    // Too late, not enough, not possible: the market may always say no.
                }
            }
        }

        private async Task DoAsync(Act act, int number)
        {
            switch (act)
            {
                case Act.Post:
                    var post = TestNetwork.APost() with { TimeoutSeconds = 1 + (number % 400), Attempts = 1 + (number % 2) };
                    await network.PostAsync(post);
                    _jobs.Add(post.Job);
                    break;
                case Act.Claim or Act.Start:
                    var node = nodes[number % nodes.Length];
                    if (await node.ClaimAsync() is { } lease)
                    {
                        _leases.Add((node, lease));
                        if (act == Act.Start)
                        {
                            await node.RenewAsync(lease);
                        }
                    }

                    break;
                case Act.Renew when _leases.Count > 0:
                    await At(_leases, number).Node.RenewAsync(At(_leases, number).Lease);
                    break;
                case Act.Succeed or Act.Fail or Act.Refuse or Act.Lose when _leases.Count > 0:
                    var outcome = act switch
                    {
                        Act.Succeed => RunOutcome.Succeeded,
                        Act.Fail => RunOutcome.Failed,
                        Act.Refuse => RunOutcome.Refused,
                        _ => RunOutcome.Lost,
                    };
                    await At(_leases, number).Node.FinishAsync(At(_leases, number).Lease, outcome);
                    break;
                case Act.Stop when _jobs.Count > 0:
                    await network.Client.StopAsync(At(_jobs, number), CancellationToken.None);
                    break;
                case Act.Extend when _jobs.Count > 0:
                    await network.Client.ExtendAsync(At(_jobs, number), number, CancellationToken.None);
                    break;
                case Act.Wait:
                    await network.PassAsync(TimeSpan.FromMilliseconds(number * 11));
                    break;
                case Act.FallSilent:
                    await network.PassAsync(network.LeaseLength + TimeSpan.FromSeconds(1));
                    break;
                case Act.RunOut when _leases.Count > 0:
                    for (var turn = 0; turn < 6; turn++)
                    {
                        await network.PassAsync(TimeSpan.FromSeconds(20));
                        await At(_leases, number).Node.RenewAsync(At(_leases, number).Lease);
                    }

                    break;
            }
        }

        // Mostly the newest, sometimes one that ended long ago.
        private static T At<T>(List<T> all, int number) => number % 4 == 0 ? all[number % all.Count] : all[^1];
    }
}
