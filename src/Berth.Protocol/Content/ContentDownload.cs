namespace Berth.Protocol;

/// <summary>The bytes of a content on their way here.</summary>
public sealed class ContentDownload(HttpResponseMessage answer, Stream body) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>The next bytes; 0 at the end.</summary>
    /// <exception cref="MarketException">It broke off, or nothing has come for a minute.</exception>
    public async Task<int> ReadAsync(Memory<byte> buffer, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Patience);
        try
        {
            return await body.ReadAsync(buffer, limit.Token);
        }
        catch (Exception cut) when (cut is IOException or HttpRequestException || (cut is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw new MarketException($"The download broke off ({cut.Message}).", inner: cut);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await body.DisposeAsync();
        answer.Dispose();
    }
}
