using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>Every example in the checkout runs and prints what it promises.</summary>
public sealed class ExampleTests
{
    private static readonly Dictionary<string, string[]> Promises = new()
    {
        ["hello-world"] = ["hello world"],
        ["output"] = ["/output/tables/squares.txt"],
        ["pipeline"] = ["report    | 5 words, 4 of them different", "report summary = \"5 words, 4 of them different\""],
        ["service"] = ["client | the tide is in", "client answer = \"the tide is in\""],
        ["train"] = ["step 1000 loss 0.000039", "{ \"slope\": 3.00, \"intercept\": 2.00 }"],
        ["transcribe"] = ["transcribe transcript = \"go forward ten meters\""],
    };

    public static TheoryData<string> Examples =>
        [.. Directory.EnumerateFiles(Path.Combine(Checkout.Root, "examples"), "*.json").Select(file => Path.GetFileNameWithoutExtension(file))];

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task Every_example_does_what_it_promises(string example)
    {
        await using var desk = new Desk();

        var said = (await desk.BerthAsync("run", Checkout.Example(example))).Exited(0);

        Assert.All(Promises[example], line => Assert.Contains(line, said.Lines));
    }
}
