using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Berth.Jobs.Definitions;
using Berth.Market.Jobs;
using Berth.Market.Nodes;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Markets;

/// <summary>What the operator does with markets, and what everybody may see of them.</summary>
internal sealed partial class MarketDesk(Database database, JobChanges changes, MarketOptions options, TimeProvider time)
{
    private const int PageSize = 100;
    private const long LongestTimeout = 366L * 24 * 3600;
    private static readonly Nos HighestPrice = new(100_000_000_000);

    [GeneratedRegex("^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
    private static partial Regex Slug { get; }

    public Task<MarketFacts> FindAsync(string market, CancellationToken ct) => database.ReadAsync(
        async transaction => await FactsAsync(transaction, await MarketAsync(transaction, market, ct), ct), ct);

    public Task<Page<MarketFacts>> ListAsync(string? after, CancellationToken ct) => database.ReadAsync(
        async transaction =>
        {
            var all = await MarketStore.ListAsync(transaction, after ?? "", PageSize + 1, ct);
            var facts = new List<MarketFacts>();
            foreach (var terms in all.Take(PageSize))
            {
                facts.Add(await FactsAsync(transaction, terms, ct));
            }

            return new Page<MarketFacts>([.. facts], all.Count > PageSize ? facts[^1].Slug : null);
        },
        ct);

    /// <summary>Makes a market; its address is a fresh public key.</summary>
    public Task<MarketFacts> CreateAsync(Address caller, MarketDraft draft, CancellationToken ct)
    {
        OperatorOnly(caller, "make a market");
        if (!Slug.IsMatch(draft.Slug))
        {
            throw RefusedException.Bad($"'{draft.Slug}' is no slug: small letters, digits and hyphens, at most 63, not beginning or ending with a hyphen.");
        }

        using var key = SigningKey.New();
        var terms = Checked(new MarketTerms
        {
            Slug = draft.Slug,
            Address = key.Address,
            GpuTypes = draft.GpuTypes,
            Price = draft.Price,
            DefaultTimeoutSeconds = draft.DefaultTimeoutSeconds,
            LargestTimeoutSeconds = draft.LargestTimeoutSeconds,
            RequiredImages = draft.RequiredImages,
            RequiredResources = [.. draft.RequiredResources.Select(resource => resource.GetRawText())],
            Access = draft.Access,
            CreatedAt = time.GetUtcNow(),
        });
        return database.WriteAsync(
            async transaction =>
            {
                if (await MarketStore.FindAsync(transaction, draft.Slug, ct) is not null)
                {
                    throw new RefusedException(ProblemTypes.Conflict, $"There is a market '{draft.Slug}' already; berth market update changes it.");
                }

                await MarketStore.InsertAsync(transaction, terms, ct);
                return await FactsAsync(transaction, await MarketAsync(transaction, draft.Slug, ct), ct);
            },
            ct);
    }

    /// <summary>Changes what is not null. Jobs posted before keep their price.</summary>
    public Task<MarketFacts> ChangeAsync(Address caller, string market, MarketChange change, CancellationToken ct)
    {
        OperatorOnly(caller, "change a market");
        return database.WriteAsync(
            async transaction =>
            {
                var before = await MarketAsync(transaction, market, ct);
                var after = Checked(before with
                {
                    GpuTypes = change.GpuTypes ?? before.GpuTypes,
                    Price = change.Price ?? before.Price,
                    DefaultTimeoutSeconds = change.DefaultTimeoutSeconds ?? before.DefaultTimeoutSeconds,
                    LargestTimeoutSeconds = change.LargestTimeoutSeconds ?? before.LargestTimeoutSeconds,
                    RequiredImages = change.RequiredImages ?? before.RequiredImages,
                    RequiredResources = change.RequiredResources is { } resources ? [.. resources.Select(resource => resource.GetRawText())] : before.RequiredResources,
                    Access = change.OpenAccess ? null : change.Access ?? before.Access,
                });
                await MarketStore.UpdateAsync(transaction, after, ct);
                await NodeStore.LeaveUnlessAdmittedAsync(transaction, after, ct);
                return await FactsAsync(transaction, after, ct);
            },
            ct);
    }

    /// <summary>Takes no more jobs or nodes; what waits is stopped and refunded, what runs ends in its time.</summary>
    public async Task<MarketFacts> CloseAsync(Address caller, string market, CancellationToken ct)
    {
        OperatorOnly(caller, "close a market");
        var closed = await database.WriteAsync(
            async transaction =>
            {
                var terms = await MarketAsync(transaction, market, ct);
                database.Dialect.HoldMarket(transaction, terms.Number, alone: true);
                await MarketStore.UpdateAsync(transaction, terms with { IsClosed = true }, ct);
                await transaction.ExecuteAsync("delete from waiting_slots where market_id = @market", ct, ("market", terms.Number));
                return terms with { IsClosed = true };
            },
            ct);
        while (await database.WriteAsync(transaction => StopSomeAsync(transaction, closed, ct), ct))
        {
            // A few at a time, so that nobody waits long for the market.
        }

        return await FindAsync(market, ct);
    }

    /// <summary>Stops what waits in closed markets: what went back to its queue since, or was posted as the market closed.</summary>
    public async Task EmptyClosedAsync(CancellationToken ct)
    {
        foreach (var closed in await database.ReadAsync(transaction => MarketStore.ClosedWithJobsAsync(transaction, ct), ct))
        {
            while (await database.WriteAsync(transaction => StopSomeAsync(transaction, closed, ct), ct))
            {
                // A few at a time.
            }
        }
    }

    private async Task<bool> StopSomeAsync(Transaction transaction, MarketTerms closed, CancellationToken ct)
    {
        var waiting = await transaction.ListAsync(
            "select job from jobs where market_id = @market and state = 0 order by id + 0 limit 100", row => new Berth.Jobs.JobId(row.Text("job")), ct, ("market", closed.Number));
        foreach (var id in waiting)
        {
            if (await JobStore.TakeAsync(transaction, id, ct) is { State: JobState.Queued } job)
            {
                await changes.ApplyAsync(transaction, job, new JobChange.StopAsked(time.GetUtcNow(), $"The market {closed.Slug} was closed."), [], ct);
            }
        }

        return waiting.Count > 0;
    }

    private void OperatorOnly(Address caller, string what)
    {
        if (caller != options.Operator)
        {
            throw RefusedException.NotAllowed($"Only the operator, {options.Operator}, may {what}.");
        }
    }

    private static async Task<MarketTerms> MarketAsync(Transaction transaction, string market, CancellationToken ct) =>
        await MarketStore.FindAsync(transaction, market, ct) ?? throw RefusedException.NotFound($"There is no market '{market}'; berth market list shows those there are.");

    private Task<MarketFacts> FactsAsync(Transaction transaction, MarketTerms terms, CancellationToken ct) =>
        MarketStore.FactsAsync(transaction, terms, time.GetUtcNow(), NodeStore.AwayAfter, ct);

    private static MarketTerms Checked(MarketTerms terms)
    {
        if (terms.Price < Nos.Zero || terms.Price > HighestPrice)
        {
            throw RefusedException.Bad($"A price is from 0 to {HighestPrice} NOS a second.");
        }

        if (terms.LargestTimeoutSeconds is < 1 or > LongestTimeout)
        {
            throw RefusedException.Bad("The largest timeout is from one second to a year.");
        }

        if (terms.DefaultTimeoutSeconds < 1 || terms.DefaultTimeoutSeconds > terms.LargestTimeoutSeconds)
        {
            throw RefusedException.Bad("The default timeout is from one second to the largest timeout.");
        }

        CheckResources(terms.RequiredResources);
        return TooMany(terms.GpuTypes) || TooMany(terms.RequiredImages) || terms.Access is { Length: > 10_000 }
            ? throw RefusedException.Bad("A market has at most 100 GPU types and 100 required images, each at most 256 characters, and admits at most 10,000 nodes by name.")
            : terms;
    }

    // Everybody reads a market's terms, so nothing in them may be secret.
    private static void CheckResources(ImmutableArray<string> resources)
    {
        if (resources.Length > 100)
        {
            throw RefusedException.Bad("A market has at most 100 required resources.");
        }

        foreach (var text in resources)
        {
            var reading = JobDefinitionReader.ReadResource(Encoding.UTF8.GetBytes(text));
            if (reading.Resource is not { } resource)
            {
                throw RefusedException.Bad($"A required resource cannot be read. {reading.Problems.First(problem => problem.Severity == Severity.Error).Message}");
            }

            if (resource is not { Credentials: null, AccessToken: null })
            {
                throw RefusedException.Bad("A required resource has no IAM keys and no access token: everybody can read what a market requires.");
            }
        }
    }

    private static bool TooMany(ImmutableArray<string> texts) => texts.Length > 100 || texts.Any(text => text is null or { Length: 0 or > 256 });
}
