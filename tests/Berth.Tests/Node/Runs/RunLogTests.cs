using System.Text;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Node.Runs;
using CsCheck;
using Xunit;

namespace Berth.Tests.Node.Runs;

/// <summary>The file of an operation's log loses no line and repeats none, wherever the process that wrote it was cut off.</summary>
public sealed class RunLogTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 23, 59, 59, 500, TimeSpan.Zero);

    // Per stream the engine's times never go back; between the streams they may.
    private static readonly Gen<LogLine[]> EngineLog =
        from outs in Gen.Int[0, 3].Array[0, 60]
        from errors in Gen.Int[0, 3].Array[0, 60]
        from shift in Gen.Int[-20, 20]
        from order in Gen.Bool.Array[120]
        select Merge([.. Stamped(LogStream.Stdout, outs, 0)], [.. Stamped(LogStream.Stderr, errors, shift)], order);

    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("berth-log-").FullName, "0.log");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [Fact]
    public void A_log_cut_at_any_byte_is_completed_from_the_engine_without_losing_or_repeating_a_line()
    {
        var cut =
            from lines in EngineLog
            from given in Gen.Int[0, lines.Length]
            from bytes in Gen.Int[0, 60]
            select (lines, given, bytes);
        cut.Sample(
            sample =>
            {
                File.Delete(_path);
                Write(sample.lines[..sample.given]);
                using (var file = new FileStream(_path, FileMode.Open))
                {
                    file.SetLength(Math.Max(0, file.Length - sample.bytes));
                }

                using (var log = RunLog.Open(_path, _ => { }))
                {
                    Resume(log, sample.lines);
                }

                return Same(sample.lines);
            },
            threads: 1);
    }

    [Fact]
    public void A_log_read_again_in_the_same_process_loses_and_repeats_nothing()
    {
        var broken =
            from lines in EngineLog
            from breaks in Gen.Int[0, lines.Length].Array[0, 4]
            select (lines, breaks);
        broken.Sample(
            sample =>
            {
                File.Delete(_path);
                using (var log = RunLog.Open(_path, _ => { }))
                {
                    foreach (var end in sample.breaks.Append(sample.lines.Length))
                    {
                        Resume(log, sample.lines[..Math.Max(end, (int)log.Lines)]);
                    }
                }

                return Same(sample.lines);
            },
            threads: 1);
    }

    [Fact]
    public void A_container_that_is_started_again_is_read_from_where_it_ended()
    {
        using var log = RunLog.Open(_path, _ => { });
        log.Add(Line(LogStream.Stdout, 5, "first"));
        Assert.Null(log.ResumeFrom);

        log.MarkWhole();

        Assert.Equal(Start.AddTicks(5), log.ResumeFrom);
    }

    [Fact]
    public void Whole_lines_are_told_when_a_log_is_opened_and_a_torn_one_is_dropped()
    {
        Write([Line(LogStream.Stdout, 0, "one"), Line(LogStream.Stderr, 1, "two \xff bytes"), Line(LogStream.Stdout, 2, "")]);
        File.AppendAllText(_path, "2026-03-01T23:59:59.5000003Z o torn");
        var told = new List<string>();

        using (var log = RunLog.Open(_path, line => told.Add($"{line.Stream} {Encoding.UTF8.GetString(line.Text.Span)}")))
        {
            Assert.Equal(3, log.Lines);
            log.Add(Line(LogStream.Node, 3, "said"));
            log.Flush();
        }

        Assert.Equal(["Stdout one", "Stderr two \xff bytes", "Stdout "], told);
        Assert.Equal(["one", "two \xff bytes", "", "said"], RunLog.Read(_path).Select(Text));
        Assert.Equal([Start, Start.AddTicks(1), Start.AddTicks(2), Start.AddTicks(3)], RunLog.Read(_path).Select(line => line.At));
    }

    [Fact]
    public void The_tail_has_the_last_lines_and_says_how_many_came_before()
    {
        Write([.. Enumerable.Range(1, 10).Select(number => Line(LogStream.Stdout, number, $"{number}"))]);

        var tail = RunLog.Tail(_path, 3);

        Assert.Equal(7, tail.LeftOut);
        Assert.Equal(["8", "9", "10"], tail.Lines.Select(Text));
        Assert.Equal(0, RunLog.Tail(_path, 10).LeftOut);
        Assert.Empty(RunLog.Tail(_path + "none", 3).Lines);
    }

    private static IEnumerable<LogLine> Stamped(LogStream stream, int[] steps, int shift)
    {
        var at = shift;
        foreach (var (index, step) in steps.Index())
        {
            yield return Line(stream, at += step, $"{stream} {index}");
        }
    }

    private static LogLine[] Merge(LogLine[] outs, LogLine[] errors, bool[] order)
    {
        var (first, second) = (new Queue<LogLine>(outs), new Queue<LogLine>(errors));
        return [.. order.TakeWhile(_ => first.Count + second.Count > 0).Select(isFirst => (isFirst && first.Count > 0) || second.Count == 0 ? first.Dequeue() : second.Dequeue())];
    }

    private static void Resume(RunLog log, LogLine[] engine)
    {
        log.BeginReading();
        var since = log.ResumeFrom;
        foreach (var batch in engine.Where(line => since is null || line.At >= since).Chunk(7))
        {
            LogLine[] missing = [.. batch.Where(line => !log.HasAlready(line))];
            foreach (var line in missing)
            {
                log.Add(line);
            }

            log.Flush();
        }
    }

    private void Write(LogLine[] lines)
    {
        using var log = RunLog.Open(_path, _ => { });
        foreach (var line in lines)
        {
            log.Add(line);
        }

        log.Flush();
    }

    private bool Same(LogLine[] expected)
    {
        var found = RunLog.Read(_path).Select(line => (line.Stream, line.At, Text: Text(line))).ToArray();
        return new[] { LogStream.Stdout, LogStream.Stderr }.All(stream =>
            expected.Where(line => line.Stream == stream).Select(line => (line.Stream, line.At, Text(line))).SequenceEqual(found.Where(line => line.Stream == stream)));
    }

    private static LogLine Line(LogStream stream, int ticks, string text) => new(stream, Start.AddTicks(ticks), Encoding.UTF8.GetBytes(text));

    private static string Text(LogLine line) => Encoding.UTF8.GetString(line.Text.Span);
}
