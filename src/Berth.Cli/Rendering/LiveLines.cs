using System.Text;

namespace Berth.Cli.Rendering;

/// <summary>
/// A terminal with a few lines at its foot that change in place while everything else scrolls above them. Not for several threads at once.
/// </summary>
internal sealed class LiveLines(TextWriter terminal, int width)
{
    private readonly SortedDictionary<int, string> _foot = [];
    private int _shown;

    /// <summary>Changes or, with null, removes the foot line of that place.</summary>
    public void Set(int place, string? line)
    {
        if (line is null ? !_foot.Remove(place) : _foot.GetValueOrDefault(place) == line)
        {
            return;
        }

        if (line is not null)
        {
            _foot[place] = line;
        }

        Redraw(() => { });
    }

    /// <summary>Writes above the foot.</summary>
    public void Above(Action write) => Redraw(write);

    private void Redraw(Action write)
    {
        if (_shown == 0 && _foot.Count == 0)
        {
            write();
            return;
        }

        var erase = new StringBuilder();
        for (var line = 0; line < _shown; line++)
        {
            erase.Append("\e[1A\e[2K");
        }

        terminal.Write(erase.ToString());
        terminal.Flush();
        write();
        foreach (var line in _foot.Values)
        {
            terminal.Write(Fit(line) + "\n");
        }

        _shown = _foot.Count;
        terminal.Flush();
    }

    // Colours take no room; a line that would wrap could not be erased again.
    private string Fit(string line)
    {
        var fitted = new StringBuilder();
        var room = width - 1;
        for (var index = 0; index < line.Length; index++)
        {
            if (line[index] == '\e')
            {
                var end = line.IndexOf('m', index);
                fitted.Append(line, index, end - index + 1);
                index = end;
            }
            else if (room-- > 0)
            {
                fitted.Append(line[index]);
            }
        }

        return fitted.ToString();
    }
}
