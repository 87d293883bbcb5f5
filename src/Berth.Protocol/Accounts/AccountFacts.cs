using Berth.Jobs;
using Berth.Protocol.Identity;

namespace Berth.Protocol;

/// <summary>What an address has (<c>GET /accounts/{address}</c>; its owner's and the operator's to see).</summary>
public sealed record AccountFacts
{
    public required Address Address { get; init; }

    public required Nos Balance { get; init; }

    /// <summary>In escrow for its jobs that have not ended.</summary>
    public required Nos Escrow { get; init; }
}

/// <summary>Why an entry was made.</summary>
public enum EntryKind
{
    /// <summary>The operator gave it.</summary>
    Grant,

    /// <summary>Into escrow for a job that was posted or extended.</summary>
    Deposit,

    /// <summary>A node's pay.</summary>
    Pay,

    /// <summary>The network's fee.</summary>
    Fee,

    /// <summary>What a job did not use.</summary>
    Refund,
}

/// <summary>One line of the double-entry ledger, as the account's owner sees it.</summary>
public sealed record EntryFacts
{
    /// <summary>Counts up over the whole ledger.</summary>
    public required long Entry { get; init; }

    public required DateTimeOffset At { get; init; }

    public required EntryKind Kind { get; init; }

    /// <summary>What the balance changed by.</summary>
    public required Nos Amount { get; init; }

    /// <summary>The balance after it.</summary>
    public required Nos Balance { get; init; }

    public JobId? Job { get; init; }

    public string? Memo { get; init; }
}

/// <summary>The operator gives NOS to an address (<c>POST /accounts/{address}/grants</c>), once per <c>Idempotency-Key</c>.</summary>
public sealed record Grant(Nos Amount, string? Memo = null);
