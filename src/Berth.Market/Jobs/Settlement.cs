using Berth.Market.Accounts;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Jobs;

/// <summary>
/// Who gets what of a job's escrow when it ended: the node price × paid seconds less the network's fee, the operator the fee, the poster the rest. The parts sum to the deposit.
/// </summary>
internal sealed record Settlement(Nos Pay, Nos Fee, Nos Refund)
{
    private const int WholeInBasisPoints = 10_000;

    /// <summary>What the job cost its poster.</summary>
    public Nos Cost => Pay + Fee;

    /// <summary>The settlement of a job that ended; the fee in basis points of the node's earnings, rounded down.</summary>
    public static Settlement For(Job ended, int feeBasisPoints)
    {
        var earned = ended.Price * JobLifecycle.PaidSeconds(ended);
        var fee = new Nos((long)((Int128)earned.Micro * feeBasisPoints / WholeInBasisPoints));
        return new Settlement(earned - fee, fee, ended.Deposit - earned);
    }

    /// <summary>The booking that pays it; empty when nothing was deposited.</summary>
    public IReadOnlyList<Line> Lines(Job ended, Address feeAccount)
    {
        var lines = new List<Line>();
        Move(ended.Node, EntryKind.Pay, Pay);
        Move(feeAccount, EntryKind.Fee, Fee);
        Move(ended.Poster, EntryKind.Refund, Refund);
        return lines;

        void Move(Address? to, EntryKind kind, Nos amount)
        {
            if (amount > Nos.Zero)
            {
                lines.Add(new Line(Ledger.EscrowOf(ended.Id), kind, -amount, ended.Id));
                lines.Add(new Line(to!.Value.Value, kind, amount, ended.Id));
            }
        }
    }
}
