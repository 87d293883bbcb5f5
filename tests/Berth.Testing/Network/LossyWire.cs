namespace Berth.Testing.Network;

/// <summary>A wire that loses the next answers: what was asked is done, and who asked never hears of it.</summary>
public sealed class LossyWire : DelegatingHandler
{
    private int _losses;

    public LossyWire()
        : base(new SocketsHttpHandler())
    {
    }

    public void LoseAnswers(int count) => Interlocked.Add(ref _losses, count);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var answer = await base.SendAsync(request, cancellationToken);
        if (Volatile.Read(ref _losses) > 0)
        {
            Interlocked.Decrement(ref _losses);
            answer.Dispose();
            throw new HttpRequestException("The answer was lost on the wire.");
        }

        return answer;
    }
}
