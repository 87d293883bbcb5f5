namespace Berth.Node.Resources;

/// <summary>How far a transfer is.</summary>
/// <param name="Bytes">So far.</param>
/// <param name="TotalBytes">In all, where that is known.</param>
/// <param name="Files">Whole ones so far.</param>
/// <param name="TotalFiles">In all, where that is known.</param>
/// <param name="BytesPerSecond">Over the last seconds.</param>
public sealed record TransferProgress(long Bytes, long? TotalBytes, int Files, int? TotalFiles, double BytesPerSecond)
{
    /// <summary>At this rate; null where the rate or the end is not known.</summary>
    public TimeSpan? Left => TotalBytes is { } total && BytesPerSecond > 1 ? TimeSpan.FromSeconds(Math.Max(0, total - Bytes) / BytesPerSecond) : null;
}

/// <summary>Counts what comes in on all lanes of a transfer and reports it twice a second.</summary>
internal sealed class TransferMeter(long? totalBytes, int? totalFiles, TimeProvider time, Action<TransferProgress> report)
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(500);

    /// <summary>How much of the rate a second's measurement makes up.</summary>
    private const double Freshness = 0.3;

    private readonly Lock _gate = new();
    private long _bytes;
    private int _files;
    private long _arrived;
    private long _shownAt = time.GetTimestamp();
    private long _shownArrived;
    private double _rate;

    /// <summary>Bytes that came over the wire; fewer than none when they have to come again.</summary>
    public void Arrived(long bytes)
    {
        lock (_gate)
        {
            _bytes += bytes;
            _arrived += Math.Max(0, bytes);
            Show(isFirst: false);
        }
    }

    /// <summary>Bytes that lay there from before.</summary>
    public void Found(long bytes)
    {
        lock (_gate)
        {
            _bytes += bytes;
        }
    }

    public void FileIsWhole()
    {
        lock (_gate)
        {
            _files++;
            Show(isFirst: false);
        }
    }

    public void Begin()
    {
        lock (_gate)
        {
            Show(isFirst: true);
        }
    }

    private void Show(bool isFirst)
    {
        var elapsed = time.GetElapsedTime(_shownAt);
        if (!isFirst && elapsed < Pace)
        {
            return;
        }

        if (!isFirst && elapsed > TimeSpan.Zero)
        {
            var now = (_arrived - _shownArrived) / elapsed.TotalSeconds;
            _rate = _rate == 0 ? now : _rate + (Math.Min(1, Freshness * Math.Max(1, elapsed.TotalSeconds)) * (now - _rate));
            (_shownAt, _shownArrived) = (time.GetTimestamp(), _arrived);
        }

        report(new TransferProgress(_bytes, totalBytes, _files, totalFiles, _rate));
    }
}
