using Berth.Protocol;

namespace Berth.Node.Leases;

/// <summary>What a refusal of the market means for a run.</summary>
internal static class MarketAnswers
{
    extension(MarketException refusal)
    {
        /// <summary>The market says that the run is not, or no longer, this node's.</summary>
        public bool TakesTheRunAway => refusal.Code is ProblemTypes.LeaseLost or ProblemTypes.NotFound or ProblemTypes.AlreadyEnded or ProblemTypes.NotAllowed;
    }
}
