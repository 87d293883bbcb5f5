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
        ["secret"] = ["the key is •••", "in base64: •••", "sign signature = \"1c4e231aca0b9ebe\""],
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

        var command = desk.Command(["run", Checkout.Example(example)]);
        command.Environment["BERTH_SECRET_SIGNING_KEY"] = "between you and me";

        var said = (await RunningProgram.RunAsync(command)).Exited(0);

        Assert.All(Promises[example], line => Assert.Contains(line, said.Lines));
    }
}
