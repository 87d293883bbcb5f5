using Berth.Containers;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using CsCheck;
using Xunit;

namespace Berth.Tests.Containers;

public sealed class LogCursorTests
{
    [Fact]
    public void It_begins_at_the_beginning_until_both_streams_have_given_a_line()
    {
        var cursor = new LogCursor();
        Assert.Null(cursor.Since);

        cursor.IsNew(Line(LogStream.Stdout, 5));
        Assert.Null(cursor.Since);

        cursor.IsNew(Line(LogStream.Stderr, 3));
        Assert.Equal(Line(LogStream.Stderr, 3).At, cursor.Since);
    }

    [Fact]
    public void Wherever_a_reader_stops_and_begins_again_each_line_is_new_once() =>
        Gen.Select(Gen.Int[0, 30], Gen.Bool).List[0, 80].Select(Gen.Int[0, 80]).Sample((written, stop) =>
        {
            var log = written.OrderBy(line => line.Item1).Select((line, number) => (Line: Line(line.Item2 ? LogStream.Stdout : LogStream.Stderr, line.Item1), Number: number)).ToList();
            var cursor = new LogCursor();
            var given = log.Take(stop).Where(line => cursor.IsNew(line.Line)).Select(line => line.Number).ToList();

            cursor.Rewind();
            given.AddRange(log.Where(line => cursor.Since is null || line.Line.At >= cursor.Since).ToList().Where(line => cursor.IsNew(line.Line)).Select(line => line.Number));

            return given.SequenceEqual(log.Select(line => line.Number));
        });

    private static LogLine Line(LogStream stream, int second) => new(stream, DateTimeOffset.UnixEpoch.AddSeconds(second), ReadOnlyMemory<byte>.Empty);
}
