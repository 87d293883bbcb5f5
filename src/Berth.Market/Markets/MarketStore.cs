using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Markets;

/// <summary>Keeps the markets.</summary>
internal static class MarketStore
{
    /// <summary>The market of that slug or address.</summary>
    public static Task<MarketTerms?> FindAsync(Transaction transaction, string market, CancellationToken ct) =>
        transaction.FirstAsync("select * from markets where slug = @market or address = @market", Read, ct, ("market", market));

    /// <summary>Markets after the slug, in the order of their slugs.</summary>
    /// <summary>The closed markets in which jobs wait.</summary>
    public static Task<List<MarketTerms>> ClosedWithJobsAsync(Transaction transaction, CancellationToken ct) => transaction.ListAsync(
        "select * from markets m where m.is_closed = 1 and exists (select 1 from jobs j where j.market_id = m.id and j.state = 0)", Read, ct);

    public static Task<List<MarketTerms>> ListAsync(Transaction transaction, string after, int limit, CancellationToken ct) =>
        transaction.ListAsync("select * from markets where slug > @after order by slug limit @limit", Read, ct, ("after", after), ("limit", limit));

    public static Task InsertAsync(Transaction transaction, MarketTerms terms, CancellationToken ct) => transaction.ExecuteAsync(
        """
        insert into markets (slug, address, gpu_types, price, default_timeout, largest_timeout, required_images, required_resources, access, created_at)
        values (@slug, @address, @gpus, @price, @default, @largest, @images, @resources, @access, @created)
        """,
        ct,
        [("slug", terms.Slug), ("address", terms.Address.Value), ("created", terms.CreatedAt.Micro()), .. Changeable(terms)]);

    public static Task UpdateAsync(Transaction transaction, MarketTerms terms, CancellationToken ct) => transaction.ExecuteAsync(
        """
        update markets set gpu_types = @gpus, price = @price, default_timeout = @default, largest_timeout = @largest, required_images = @images, required_resources = @resources, access = @access,
          is_closed = @closed where id = @number
        """,
        ct,
        [("closed", terms.IsClosed ? 1 : 0), ("number", terms.Number), .. Changeable(terms)]);

    /// <summary>The market as anybody sees it, with what happens in it now.</summary>
    public static async Task<MarketFacts> FactsAsync(Transaction transaction, MarketTerms terms, DateTimeOffset now, TimeSpan awayAfter, CancellationToken ct)
    {
        var counts = await transaction.FirstAsync(
            """
            select (select count(*) from jobs where market_id = @market and state = 0) as queued,
                   (select count(*) from jobs where market_id = @market and state = 1) as running,
                   (select count(*) from waiting_slots where market_id = @market and wait_until > @now) as waiting,
                   (select count(*) from nodes where market_id = @market and last_seen > @seen) as here
            """,
            row => (Queued: row.Long("queued"), Running: row.Long("running"), Waiting: row.Long("waiting"), Here: row.Long("here")),
            ct,
            ("market", terms.Number),
            ("now", now.Micro()),
            ("seen", (now - awayAfter).Micro()));
        return new MarketFacts
        {
            Slug = terms.Slug,
            Address = terms.Address,
            GpuTypes = terms.GpuTypes,
            Price = terms.Price,
            DefaultTimeoutSeconds = terms.DefaultTimeoutSeconds,
            LargestTimeoutSeconds = terms.LargestTimeoutSeconds,
            RequiredImages = terms.RequiredImages,
            RequiredResources = [.. terms.RequiredResources.Select(Element)],
            Access = terms.Access,
            IsClosed = terms.IsClosed,
            JobsWaiting = counts.Queued,
            JobsRunning = counts.Running,
            SlotsWaiting = counts.Waiting,
            Nodes = counts.Here,
        };
    }

    private static (string, object?)[] Changeable(MarketTerms terms) =>
    [
        ("gpus", Json(terms.GpuTypes)),
        ("price", terms.Price.Micro),
        ("default", terms.DefaultTimeoutSeconds),
        ("largest", terms.LargestTimeoutSeconds),
        ("images", Json(terms.RequiredImages)),
        ("resources", Json(terms.RequiredResources)),
        ("access", terms.Access is { } access ? Json([.. access.Select(address => address.Value)]) : null),
    ];

    private static JsonElement Element(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private static string Json(ImmutableArray<string> texts) => JsonSerializer.Serialize(texts.ToArray());

    private static ImmutableArray<string> Texts(string json) => [.. JsonSerializer.Deserialize<string[]>(json) ?? []];

    private static MarketTerms Read(DbDataReader row) => new()
    {
        Number = row.Long("id"),
        Slug = row.Text("slug"),
        Address = new Address(row.Text("address")),
        GpuTypes = Texts(row.Text("gpu_types")),
        Price = row.Nos("price"),
        DefaultTimeoutSeconds = row.Long("default_timeout"),
        LargestTimeoutSeconds = row.Long("largest_timeout"),
        RequiredImages = Texts(row.Text("required_images")),
        RequiredResources = Texts(row.Text("required_resources")),
        Access = row.TextOrNull("access") is { } access ? [.. Texts(access).Select(text => new Address(text))] : null,
        IsClosed = row.Flag("is_closed"),
        CreatedAt = row.Moment("created_at"),
    };
}
