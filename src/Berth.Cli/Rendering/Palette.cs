namespace Berth.Cli.Rendering;

/// <summary>The colours of the terminal, or none of them.</summary>
internal sealed class Palette(bool isOn)
{
    private static readonly string[] Operations = ["36", "35", "33", "34", "32", "96", "95", "93"];

    public bool IsOn { get; } = isOn;

    public string Good(string text) => Paint("32", text);

    public string Bad(string text) => Paint("31", text);

    public string Doubtful(string text) => Paint("33", text);

    public string Quiet(string text) => Paint("2", text);

    public string Strong(string text) => Paint("1", text);

    /// <summary>The operation at that place, always in the same colour.</summary>
    public string Operation(int index, string text) => Paint(Operations[index % Operations.Length], text);

    /// <summary>A bar that is full by the share from 0 to 1.</summary>
    public string Bar(double share, int width)
    {
        var full = (int)(Math.Clamp(share, 0, 1) * width);
        return $"{new string('█', full)}{Quiet(new string('░', width - full))}";
    }

    private string Paint(string code, string text) => IsOn ? $"\e[{code}m{text}\e[0m" : text;
}
