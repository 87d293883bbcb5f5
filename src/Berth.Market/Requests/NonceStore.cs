using System.Collections.Concurrent;
using Berth.Market.Storage;
using Berth.Protocol.Identity;

namespace Berth.Market.Requests;

/// <summary>
/// Remembers the nonces of signatures until they expire, so that no request counts twice. What only reads is remembered in this process, for reading twice changes nothing. What changes
/// something is remembered in the database: where servers share one, before the request goes on; where this process is alone, together with what the request changes.
/// </summary>
internal sealed class NonceStore(Database database, TimeProvider time)
{
    private const int MostInMemory = 200_000;
    private const string Insert = "insert into nonces (nonce, expires_at) select @nonce, @expires {unhurried} where true on conflict (nonce) do nothing";
    private readonly ConcurrentDictionary<string, long> _seen = new();

    /// <summary>Learns which nonces an earlier process has seen; called once before requests are served.</summary>
    public async Task LoadAsync(CancellationToken ct)
    {
        if (!database.Dialect.IsShared)
        {
            var seen = await database.ReadAsync(
                transaction => transaction.ListAsync("select nonce, expires_at from nonces", row => (Nonce: row.Text("nonce"), Expires: row.Long("expires_at")), ct), ct);
            seen.ForEach(one => _seen[one.Nonce] = one.Expires);
        }
    }

    /// <summary>True when this is the first request with the nonce.</summary>
    public async Task<bool> IsFirstAsync(SignatureAccepted signed, bool changes, CancellationToken ct)
    {
        var nonce = $"{signed.Signer}:{signed.Nonce}";
        (string, object?)[] values = [("nonce", nonce), ("expires", signed.Expires.Micro())];
        if (changes && database.Dialect.IsShared)
        {
            return await database.WriteAsync(async transaction => await transaction.ExecuteAsync(Insert, ct, values) == 1, ct);
        }

        if (_seen.Count > MostInMemory)
        {
            ForgetOld();
        }

        var isFirst = _seen.TryAdd(nonce, signed.Expires.Micro());
        if (isFirst && changes)
        {
            database.WriteAlong(new Statement(Insert, values));
        }

        return isFirst;
    }

    /// <summary>Forgets those that have expired; a signature with one is refused as expired.</summary>
    public Task ForgetOldAsync(CancellationToken ct)
    {
        ForgetOld();
        return database.WriteAsync(
            transaction => transaction.ExecuteAsync("delete from nonces where expires_at < @now", ct, ("now", time.GetUtcNow().AddMinutes(-2).Micro())), ct);
    }

    private void ForgetOld()
    {
        var now = time.GetUtcNow().Micro();
        foreach (var (key, expires) in _seen)
        {
            if (expires < now)
            {
                _seen.TryRemove(key, out _);
            }
        }
    }
}
