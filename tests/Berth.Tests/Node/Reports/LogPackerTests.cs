using System.IO.Compression;
using System.Text;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Node.Reports;
using Berth.Node.Runs;
using Berth.Protocol;
using Xunit;

namespace Berth.Tests.Node.Reports;

/// <summary>Log lines travel in chunks of a bounded size, each line once and in order.</summary>
public sealed class LogPackerTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("berth-pack-");
    private byte[] _buffer = [];

    private string LogFile => Path.Combine(_home.FullName, "0.log");

    public void Dispose() => _home.Delete(recursive: true);

    [Fact]
    public void A_million_lines_become_chunks_of_at_most_the_usual_size()
    {
        using var log = Open();
        Write(log, Enumerable.Range(1, 1_000_000).Select(number => $"line {number}"));

        var chunks = Pack(Packer());

        Assert.Equal(1_000_000, chunks[^1].Last);
        Assert.All(chunks, chunk => Assert.InRange(chunk.Size, 1, LogChunk.UsualSize));
        Assert.All(chunks.Zip(chunks.Skip(1)), pair => Assert.Equal(pair.First.Last + 1, pair.Second.First));
        Assert.InRange(chunks.Count, 1, 200);
        Assert.Equal(File.ReadAllBytes(LogFile), Unzip(chunks));
    }

    [Fact]
    public void A_line_larger_than_a_chunk_is_a_chunk_of_its_own()
    {
        using var log = Open();
        Write(log, ["before", new string('x', 3_000_000), "after"]);

        var chunks = Pack(Packer());

        Assert.Equal([(1, 1), (2, 2), (3, 3)], chunks.Select(chunk => (chunk.First, chunk.Last)));
        Assert.Equal(3_000_000 + 32, chunks[1].Size);
    }

    [Fact]
    public void A_line_that_is_not_whole_yet_waits()
    {
        File.WriteAllText(LogFile, "2026-01-02T12:00:00.0000000Z o first\n2026-01-02T12:00:00.0000000Z o sec");
        var packer = Packer();
        Assert.Equal(1, Assert.Single(Pack(packer)).Last);

        File.AppendAllText(LogFile, "ond\n");

        Assert.Equal((2, 2), Assert.Single(Pack(packer)) is var chunk ? (chunk.First, chunk.Last) : default);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(49_999)]
    [InlineData(50_000)]
    public void Packing_goes_on_after_the_line_that_was_acknowledged(long line)
    {
        using var log = Open();
        Write(log, Enumerable.Range(1, 50_000).Select(number => $"line {number}"));
        var packer = Packer();
        Pack(packer);

        packer.GoAfter(line);
        var again = Pack(packer);

        Assert.Equal(line == 50_000 ? null : line + 1, again.FirstOrDefault()?.First);
        Assert.Equal(50_000 - line, again.Sum(chunk => chunk.Last - chunk.First + 1));
        var fresh = Packer();
        fresh.GoAfter(line);
        Assert.Equal(Unzip(again), Unzip(Pack(fresh)));
    }

    private RunLog Open() => RunLog.Open(LogFile, _ => { });

    private LogPacker Packer() => new(new OperationId("only"), LogFile);

    private List<LogChunk> Pack(LogPacker packer)
    {
        var chunks = new List<LogChunk>();
        while (packer.Next(ref _buffer) is { } chunk)
        {
            chunks.Add(chunk);
        }

        return chunks;
    }

    private static void Write(RunLog log, IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            log.Add(new LogLine(LogStream.Stdout, Noon, Encoding.UTF8.GetBytes(line)));
        }

        log.Flush();
    }

    // Members put one after another are one gzip file.
    private static byte[] Unzip(IEnumerable<LogChunk> chunks)
    {
        using var whole = new MemoryStream([.. chunks.SelectMany(chunk => chunk.Data)]);
        using var unzip = new GZipStream(whole, CompressionMode.Decompress);
        using var lines = new MemoryStream();
        unzip.CopyTo(lines);
        return lines.ToArray();
    }
}
