using System.Text;
using System.Text.Json;

namespace Berth.EndToEndTests.Lab;

/// <summary>What a person saw of a program that has ended.</summary>
internal sealed record Said(int ExitCode, ReadOnlyMemory<byte> OutputBytes, string Error, TimeSpan Took)
{
    public string Output => Encoding.UTF8.GetString(OutputBytes.Span);

    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The output as NDJSON.</summary>
    public JsonElement[] Events => [.. Lines.Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>The code is the expected one; the message of the failure has all that was said.</summary>
    public Said Exited(int code)
    {
        Assert.True(code == ExitCode, $"Exit code {ExitCode} where {code} was expected, after {Took.TotalSeconds:0.0} s.\n{this}");
        return this;
    }

    public override string ToString() => $"── stdout\n{Shortened(Output)}\n── stderr\n{Shortened(Error)}";

    private static string Shortened(string text) => text.Length <= 4000 ? text : text[..2000] + "\n…\n" + text[^2000..];
}
