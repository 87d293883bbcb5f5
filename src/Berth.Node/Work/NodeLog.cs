namespace Berth.Node.Work;

/// <summary>What the node says to its operator: one plain sentence a happening, with the time. A job's own log is another thing.</summary>
public sealed class NodeLog(TimeProvider time, Action<string> write)
{
    private readonly Lock _order = new();

    public void Say(string sentence)
    {
        // Parts of it may be a server's or an engine's words; they must not move a terminal's cursor.
        var plain = string.Create(sentence.Length, sentence, static (text, from) =>
        {
            for (var i = 0; i < text.Length; i++)
            {
                text[i] = char.IsControl(from[i]) ? ' ' : from[i];
            }
        });
        lock (_order)
        {
            write($"{time.GetLocalNow():yyyy-MM-dd HH:mm:ss} {plain}");
        }
    }
}
