namespace Berth.Cli.Rendering;

/// <summary>A line at the foot of the terminal that shows how far something on its way has come; elsewhere nothing is shown until it is done.</summary>
internal sealed class TransferLine(Surroundings around, string what, long? total) : IDisposable
{
    private const int BarWidth = 24;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(200);
    private readonly Palette _palette = new(around.IsErrorTerminal && around.HasColour);
    private readonly LiveLines? _live = around.IsErrorTerminal && around.HasColour ? new LiveLines(around.Error, Math.Max(40, Console.WindowWidth)) : null;
    private readonly long _began = around.Time.GetTimestamp();
    private long _shown;
    private long _first = -1;

    /// <summary>So many bytes have come.</summary>
    public void Show(long bytes)
    {
        if (_first < 0)
        {
            _first = bytes;
        }

        if (_live is null || (_shown != 0 && around.Time.GetElapsedTime(_shown) < Pace))
        {
            return;
        }

        _shown = around.Time.GetTimestamp();
        var rate = (bytes - _first) / Math.Max(0.001, around.Time.GetElapsedTime(_began).TotalSeconds);
        _live.Set(0, total is { } all and > 0
            ? $"{_palette.Bar((double)bytes / all, BarWidth)} {100.0 * bytes / all,3:0} % {Durations.Size(bytes)} of {Durations.Size(all)}, {Durations.Size((long)rate)}/s{Left(all - bytes, rate)}  {what}"
            : $"{Durations.Size(bytes)}, {Durations.Size((long)rate)}/s  {what}");
    }

    public void Dispose() => _live?.Set(0, null);

    private static string Left(long bytes, double rate) => rate > 1 && bytes > 0 ? $", {Durations.Words(TimeSpan.FromSeconds(Math.Min(bytes / rate, 1e7)))} left" : "";
}
