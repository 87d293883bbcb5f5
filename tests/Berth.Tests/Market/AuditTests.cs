using Berth.Testing.Network;
using Xunit;

namespace Berth.Tests.Market;

/// <summary>Whatever is spoilt in the database behind the market's back, the audit finds.</summary>
public sealed class AuditTests
{
    [Fact]
    public async Task A_market_with_jobs_in_every_state_is_in_order()
    {
        await using var network = await FullAsync();

        Assert.Equal(["0", "1", "2", "3"], await network.AskAsync("select distinct state from jobs order by state"));
        Assert.Empty(await network.AuditAsync());
    }

    [Theory]
    [InlineData("update entries set amount = amount + 1 where id = (select max(id) from entries)", "The booking ")]
    [InlineData("update accounts set balance = balance + 5 where account not like '%:%' and account <> 'issued'", "The balance of ")]
    [InlineData("pragma ignore_check_constraints = on; update accounts set balance = -1 where account like 'escrow:%'", "negative")]
    [InlineData("update accounts set balance = balance + 1 where account = 'issued'", "All balances sum to 1 ")]
    [InlineData("update entries set balance = balance + 1 where id = (select min(id) from entries where account <> 'issued')", "says the balance after it was")]
    [InlineData("update accounts set balance = balance - 1 where account in (select 'escrow:' || job from jobs where state = 0)", "has not ended and")]
    [InlineData("update accounts set balance = balance + 1 where account in (select 'escrow:' || job from jobs where state = 2)", "has ended and still has 1 ")]
    [InlineData("update jobs set timeout = timeout + 1 where state = 1", "its price times its timeout")]
    [InlineData("update jobs set refund = refund - 1 where state = 2", "which is not its deposit")]
    [InlineData("update jobs set claim = 'x' where state = 0", "is queued and has a lease")]
    [InlineData("update jobs set leased_until = null where state = 1", "runs and has no lease")]
    [InlineData("update jobs set outcome = null where state = 3", "has ended without an outcome")]
    [InlineData("update jobs set outcome = 0 where state = 0", "has an outcome and has not ended")]
    [InlineData("update runs set ended_at = null where run in (select run from jobs where state = 2)", "live runs")]
    [InlineData("insert into runs (run, job_id, attempt, fence, node, slot, leased_at) select 'again', job_id, 2, 2, node, slot, 0 from runs where ended_at is null", "has 2 live runs")]
    [InlineData("drop index jobs_on_slot; update jobs set state = 1 where state = 2", "runs at once")]
    [InlineData("delete from job_events where job_id = (select max(id) from jobs) and sequence = 1", "The events of job")]
    [InlineData("update jobs set last_event = last_event + 1 where state = 2", "The events of job")]
    [InlineData("update log_chunks set first_line = first_line + 1 where first_line > 1", "gap or an overlap")]
    public async Task What_is_spoilt_by_hand_is_found(string spoiling, string told)
    {
        await using var network = await FullAsync();

        foreach (var statement in spoiling.Split(';'))
        {
            await network.SpoilAsync(statement);
        }

        Assert.Contains(await network.AuditAsync(), fault => fault.Contains(told, StringComparison.Ordinal));
    }

    /// <summary>A market with jobs in every state, one of them with a log of two chunks, all on one node's slot one after another.</summary>
    private static async Task<TestNetwork> FullAsync()
    {
        var network = await TestNetwork.StartAsync(configure: options => options.Fee = 100);
        var node = await network.NodeAsync();
        await network.PostAsync();
        var done = await node.StartAsync();
        await node.ReportAsync(done, TestNode.Story(done, Berth.Jobs.Results.RunOutcome.Succeeded)[..2], [TestNode.Lines("one", 1, 10), TestNode.Lines("one", 11, 20)]);
        network.Time.Advance(TimeSpan.FromSeconds(20));
        await node.FinishAsync(done);
        await network.Client.StopAsync((await network.PostAsync()).Facts.Job, CancellationToken.None);
        await network.PostAsync();
        await node.StartAsync();
        await network.PostAsync();
        return network;
    }
}
