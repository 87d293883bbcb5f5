namespace Berth.Market.Jobs;

/// <summary>How an ended run is marked besides by the outcome its node reported.</summary>
internal static class RunEnds
{
    /// <summary>The market ended it: the lease lapsed, the time ran out, or it was stopped before it was accepted. Reports of it are void.</summary>
    public const string ByMarket = "by-market";
}
