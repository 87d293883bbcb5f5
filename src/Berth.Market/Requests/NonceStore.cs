using System.Collections.Concurrent;
using Berth.Market.Storage;
using Berth.Protocol.Identity;

namespace Berth.Market.Requests;

/// <summary>
/// Remembers the nonces of signatures until they expire, so that no request counts twice: those that change something in the database, for every server of the market;
/// those that only read in this process, for reading twice changes nothing.
/// </summary>
internal sealed class NonceStore(Database database, TimeProvider time)
{
    private const int MostInMemory = 200_000;
    private readonly ConcurrentDictionary<string, long> _read = new();

    /// <summary>True when this is the first request with the nonce.</summary>
    public async Task<bool> IsFirstAsync(SignatureAccepted signed, bool changes, CancellationToken ct)
    {
        var key = $"{signed.Signer}:{signed.Nonce}";
        if (!changes)
        {
            if (_read.Count > MostInMemory)
            {
                ForgetOld();
            }

            return _read.TryAdd(key, signed.Expires.Micro());
        }

        return await database.WriteAsync(
            async transaction => await transaction.ExecuteAsync(
                "insert into nonces (nonce, expires_at) values (@nonce, @expires) on conflict (nonce) do nothing", ct, ("nonce", key), ("expires", signed.Expires.Micro())) == 1,
            ct);
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
        foreach (var (key, expires) in _read)
        {
            if (expires < now)
            {
                _read.TryRemove(key, out _);
            }
        }
    }
}
