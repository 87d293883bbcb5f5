using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>Much of everything, for minutes: nothing is lost, nothing grows, nothing stays.</summary>
[Trait("Category", "Long")]
public sealed class SoakTests
{
    private const int Line = 16 << 20;
    private const long FlatMemory = 400;

    [Fact]
    public async Task A_line_of_a_hundred_megabytes_is_cut_with_a_mark_and_memory_stays_flat()
    {
        await using var desk = new Desk();
        await using var berth = desk.Start(TimeSpan.FromMinutes(5), int.MaxValue, Definition.Of("head -c 100000000 /dev/zero | tr '\\0' x; echo; echo after"));

        var said = (await berth.EndAsync()).Exited(0);

        Assert.Equal("after", said.Lines[^1]);
        Assert.Equal(new string('x', Line), said.Lines[0][..Line]);
        Assert.Contains($"{100_000_000 - Line}", said.Lines[0][Line..], StringComparison.Ordinal);
        Assert.InRange(berth.PeakMemory, 1, FlatMemory);
    }

    [Fact]
    public async Task A_million_lines_are_all_kept_and_memory_stays_flat()
    {
        await using var desk = new Desk();
        await using var berth = desk.Start(TimeSpan.FromMinutes(5), int.MaxValue, Definition.Of("seq 1 1000000"));

        var said = (await berth.EndAsync()).Exited(0);

        var expected = 1;
        foreach (var line in said.Output.AsSpan().TrimEnd('\n').EnumerateLines())
        {
            Assert.Equal(expected++, int.Parse(line));
        }

        Assert.Equal(1_000_001, expected);
        Assert.InRange(berth.PeakMemory, 1, FlatMemory);
    }

    [Fact]
    public async Task Two_hundred_runs_in_a_row_leave_nothing()
    {
        await using var desk = new Desk();

        for (var round = 0; round < 200; round++)
        {
            (await desk.RunAsync(Definition.Of("echo again", """{"volumes":[{"name":"v","dest":"/v"}]}"""))).Exited(0);
        }

        Assert.Equal(200, desk.Runs.Count());
        await desk.LeavesNothingAsync();
        Assert.Equal("Nothing to remove.", (await desk.BerthAsync("prune")).Exited(0).Output.Trim());
    }
}
