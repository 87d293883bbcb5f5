using System.Buffers.Binary;
using System.Text;
using Berth.Containers.Logs;
using Berth.Jobs.Definitions;
using CsCheck;
using Xunit;

namespace Berth.Tests.Containers;

public sealed class LogFrameReaderTests
{
    private const string At = "2025-11-22T15:18:23.123456789Z";
    private const string Later = "2025-11-22T15:18:24.000000000Z";

    [Fact]
    public async Task Lines_come_with_their_stream_time_and_text()
    {
        var lines = await ReadAsync([Frame(1, $"{At} one\n"), Frame(2, $"{Later} two\n"), Frame(1, $"{Later} \n")]);

        Assert.Equal(
            [(LogStream.Stdout, "one"), (LogStream.Stderr, "two"), (LogStream.Stdout, "")],
            lines.Select(line => (line.Stream, line.Text)));
        Assert.Equal(new DateTimeOffset(2025, 11, 22, 15, 18, 23, TimeSpan.Zero).AddTicks(1_234_567), lines[0].At);
    }

    [Fact]
    public async Task Pieces_of_a_line_are_joined_under_the_first_ones_time_while_the_other_stream_goes_on()
    {
        var lines = await ReadAsync([Frame(1, $"{At} aaa"), Frame(2, $"{At} err\n"), Frame(1, $"{Later} bbb"), Frame(1, $"{Later} ccc\n"), Frame(1, $"{Later} next\n")]);

        Assert.Equal(["err", "aaabbbccc", "next"], lines.Select(line => line.Text));
        Assert.True(lines[1].At < lines[2].At);
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task A_last_line_without_newline_is_a_line_where_the_stream_is_whole(bool isWhole, int expected)
    {
        var lines = await ReadAsync([Frame(1, $"{At} one\n"), Frame(1, $"{At} two")], isWhole: isWhole);

        Assert.Equal(["one", "two"], lines.Select(line => line.Text).Concat(["two"]).Take(2));
        Assert.Equal(expected, lines.Count);
    }

    [Fact]
    public async Task A_line_past_the_limit_is_cut_whether_it_comes_whole_or_in_pieces()
    {
        var lines = await ReadAsync([Frame(1, $"{At} 0123456789abc\n"), Frame(1, $"{At} 01234567"), Frame(1, $"{At} 89ab\n"), Frame(1, $"{At} 0123456789\n")], maxLine: 10);

        Assert.Equal([("0123456789", 3L), ("0123456789", 2L), ("0123456789", 0L)], lines.Select(line => (line.Text, line.LeftOut)));
    }

    [Fact]
    public async Task A_frame_larger_than_the_buffer_is_one_line()
    {
        var text = new string('x', 3_000_000);

        var lines = await ReadAsync([Frame(2, $"{At} {text}\n"), Frame(1, $"{At} after\n")], piece: 10_000);

        Assert.Equal([text, "after"], lines.Select(line => line.Text));
    }

    [Fact]
    public async Task Memory_stays_flat_over_a_line_of_a_gigabyte_and_many_short_ones()
    {
        const int Limit = 1 << 20;
        var pieces = Enumerable.Repeat(Frame(1, $"{At} {new string('x', 16_000)}"), 65_536).Append(Frame(1, $"{At} \n")).Concat(Enumerable.Repeat(Frame(1, $"{At} short\n"), 200_000));
        using var reader = new LogFrameReader(new PieceStream(pieces, int.MaxValue), Limit, isWhole: true);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var count = 0;
        var leftOut = 0L;
        while (await reader.ReadAsync(TestContext.Current.CancellationToken) is { } batch)
        {
            count += batch.Count;
            leftOut += batch.Sum(line => line.LeftOut);
        }

        Assert.Equal(200_001, count);
        Assert.Equal((16_000L * 65_536) - Limit, leftOut);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 * Limit);
    }

    [Fact]
    public async Task What_the_engine_says_in_the_stream_and_what_is_no_frame_is_a_fault()
    {
        var said = await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync([Frame(3, "Error grabbing logs: gone")]));
        Assert.Contains("Error grabbing logs: gone", said.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync([Encoding.ASCII.GetBytes("plain text, as a terminal would have it")]));
    }

    [Fact]
    public void However_the_network_cuts_the_stream_the_lines_are_the_same() =>
        Gen.Select(Gen.Int[1, 2], Gen.String[Gen.Char.AlphaNumeric, 0, 40], Gen.Bool).List[1, 60].Select(Gen.Int[1, 50]).Sample((frames, piece) =>
        {
            byte[][] bytes = [.. frames.Select(frame => Frame((byte)frame.Item1, $"{At} {frame.Item2}{(frame.Item3 ? "\n" : "")}"))];
            var whole = ReadAsync(bytes, maxLine: 60).GetAwaiter().GetResult();
            var cut = ReadAsync(bytes, maxLine: 60, piece: piece).GetAwaiter().GetResult();
            return whole.SequenceEqual(cut);
        });

    private static byte[] Frame(byte stream, string text)
    {
        var payload = Encoding.UTF8.GetBytes(text);
        var frame = new byte[8 + payload.Length];
        frame[0] = stream;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), payload.Length);
        payload.CopyTo(frame, 8);
        return frame;
    }

    private static async Task<List<(LogStream Stream, DateTimeOffset At, string Text, long LeftOut)>> ReadAsync(
        IEnumerable<byte[]> frames, int maxLine = 1 << 24, bool isWhole = true, int piece = int.MaxValue)
    {
        using var reader = new LogFrameReader(new PieceStream(frames, piece), maxLine, isWhole);
        var lines = new List<(LogStream, DateTimeOffset, string, long)>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken) is { } batch)
        {
            lines.AddRange(batch.Select(line => (line.Stream, line.At, Encoding.UTF8.GetString(line.Text.Span), line.LeftOut)));
        }

        return lines;
    }

    /// <summary>Gives at most so many bytes a read, and never more than one frame.</summary>
    private sealed class PieceStream(IEnumerable<byte[]> frames, int piece) : Stream
    {
        private readonly IEnumerator<byte[]> _frames = frames.GetEnumerator();
        private byte[] _frame = [];
        private int _next;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

        public override int Read(Span<byte> buffer)
        {
            if (_next == _frame.Length)
            {
                if (!_frames.MoveNext())
                {
                    return 0;
                }

                (_frame, _next) = (_frames.Current, 0);
            }

            var taken = Math.Min(Math.Min(piece, buffer.Length), _frame.Length - _next);
            _frame.AsSpan(_next, taken).CopyTo(buffer);
            _next += taken;
            return taken;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
