namespace Berth.Cli.Rendering;

/// <summary>Rows of text under headings, every column as wide as its widest text. What others wrote cannot do anything to the terminal.</summary>
internal static class Table
{
    public static void Write(Surroundings around, IReadOnlyList<string> headings, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var palette = new Palette(around.IsOutputTerminal && around.HasColour);
        rows = [.. rows.Select(row => (IReadOnlyList<string>)[.. row.Select(SafeText.Line)])];
        var widths = headings.Select((heading, column) => rows.Select(row => row[column].Length).Append(heading.Length).Max()).ToList();
        around.WriteLine(palette.Strong(Line(headings)));
        foreach (var row in rows)
        {
            around.WriteLine(Line(row));
        }

        string Line(IReadOnlyList<string> texts) => string.Join("  ", texts.Select((text, column) => column == texts.Count - 1 ? text : text.PadRight(widths[column]))).TrimEnd();
    }

    /// <summary>Labels and values, a line each; pairs whose value is null are left out.</summary>
    public static void WritePairs(Surroundings around, params (string Label, string? Value)[] pairs)
    {
        var palette = new Palette(around.IsOutputTerminal && around.HasColour);
        var told = pairs.Where(pair => pair.Value is not null).ToList();
        var width = told.Max(pair => pair.Label.Length);
        foreach (var (label, value) in told)
        {
            around.WriteLine($"{palette.Quiet(label.PadRight(width))}  {SafeText.Line(value!)}");
        }
    }
}
