using System.Diagnostics.Metrics;
using Berth.Market.Jobs;
using Berth.Protocol;

namespace Berth.Market;

/// <summary>What is counted of the market, under OpenTelemetry's naming.</summary>
public sealed class MarketMeters
{
    /// <summary>The meter's name.</summary>
    public const string Name = "Berth.Market";

    private readonly Counter<long> _posted;
    private readonly Counter<long> _leased;
    private readonly Counter<long> _requeued;
    private readonly Counter<long> _ended;
    private readonly Histogram<double> _waited;
    private readonly UpDownCounter<long> _claims;

    public MarketMeters(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _posted = meter.CreateCounter<long>("berth.jobs.posted", "{job}", "Jobs posted");
        _leased = meter.CreateCounter<long>("berth.jobs.leased", "{lease}", "Leases given");
        _requeued = meter.CreateCounter<long>("berth.jobs.requeued", "{job}", "Jobs that went back to the queue");
        _ended = meter.CreateCounter<long>("berth.jobs.ended", "{job}", "Jobs that ended, by outcome");
        _waited = meter.CreateHistogram<double>("berth.jobs.wait", "s", "From posting to the first lease");
        _claims = meter.CreateUpDownCounter<long>("berth.claims.waiting", "{claim}", "Claims that wait on this server");
    }

    internal void Posted(string market) => _posted.Add(1, new KeyValuePair<string, object?>("market", market));

    /// <summary>Counts what became of a job by a change that is committed.</summary>
    internal void Changed(Job before, Job after, DateTimeOffset at)
    {
        var market = new KeyValuePair<string, object?>("market", after.MarketSlug);
        if (after.Fence != before.Fence)
        {
            _leased.Add(1, market);
            if (before.Fence == 0)
            {
                _waited.Record((at - after.PostedAt).TotalSeconds, market);
            }
        }

        if (before.State == JobState.Running && after.State == JobState.Queued)
        {
            _requeued.Add(1, market);
        }

        if (!before.IsEnded && after.IsEnded)
        {
            _ended.Add(1, market, new KeyValuePair<string, object?>("outcome", $"{after.Outcome}"));
        }
    }

    internal void ClaimWaits() => _claims.Add(1);

    internal void ClaimLeft() => _claims.Add(-1);
}
