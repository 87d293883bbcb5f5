using Berth.Jobs.Results;
using Berth.Node.Runs;
using Berth.Testing.Runs;
using Xunit;

namespace Berth.Tests.Node.Runs;

/// <summary>The file of a run's events: numbered without a gap, whatever the process that wrote it left at its end.</summary>
public sealed class RunJournalTests : IDisposable
{
    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("berth-journal-").FullName, "journal.ndjson");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("{\"kind\":\"run-res")]
    [InlineData("\0\0\0\0")]
    public void A_torn_last_line_is_dropped_and_numbering_goes_on(string torn)
    {
        Append(new NetworkCreating("net"), new VolumeCreating("vol"));
        File.AppendAllText(_path, torn);

        Append(new RunResumed());

        Assert.Equal([1L, 2L, 3L], RunJournal.Read(_path).Select(happened => happened.Number));
        Assert.IsType<RunResumed>(RunJournal.Read(_path)[^1]);
        Assert.DoesNotContain("\0", File.ReadAllText(_path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"kind":"of-tomorrow","number":3}""")]
    [InlineData("""{"number":3}""")]
    [InlineData("42")]
    public void A_line_of_another_program_is_passed_over(string line)
    {
        Append(new NetworkCreating("net"));
        File.AppendAllText(_path, line + "\n");

        Append(new RunResumed());

        Assert.Equal(["NetworkCreating", "RunResumed"], RunJournal.Read(_path).Select(happened => happened.GetType().Name));
    }

    [Fact]
    public void What_is_appended_is_shown_in_order_and_folded()
    {
        var shown = new List<RunEvent>();
        using var journal = RunJournal.Open(_path, new TestClock(), shown.Add);

        journal.Append(new NetworkCreating("net"));
        journal.Append(new VolumeCreating("vol"));
        journal.Append(new VolumeCreating("vol"));

        Assert.Equal([1L, 2L, 3L], shown.Select(happened => happened.Number));
        Assert.Equal("net", journal.State.Network);
        Assert.Equal(["vol"], journal.State.Volumes);
    }

    private void Append(params RunEvent[] events)
    {
        using var journal = RunJournal.Open(_path, new TestClock(), _ => { });
        foreach (var happened in events)
        {
            journal.Append(happened);
        }
    }
}
