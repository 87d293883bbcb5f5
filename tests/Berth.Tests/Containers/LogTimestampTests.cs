using System.Globalization;
using System.Text;
using Berth.Containers.Logs;
using Xunit;

namespace Berth.Tests.Containers;

public sealed class LogTimestampTests
{
    [Theory]
    [InlineData("2025-11-22T15:18:23.123456789Z", "2025-11-22T15:18:23.1234567Z")]
    [InlineData("2025-11-22T15:18:23.5Z", "2025-11-22T15:18:23.5Z")]
    [InlineData("2025-11-22T15:18:23Z", "2025-11-22T15:18:23Z")]
    [InlineData("2025-11-22T15:18:23+02:00", "2025-11-22T13:18:23Z")]
    [InlineData("2025-11-22T23:18:23.000000001-05:30", "2025-11-23T04:48:23Z")]
    [InlineData("2024-02-29T00:00:00.000000000Z", "2024-02-29T00:00:00Z")]
    public void The_times_engines_write_are_read_to_100_ns(string written, string expected)
    {
        Assert.True(LogTimestamp.TryRead(Encoding.ASCII.GetBytes(written + " text"), out var at, out var length));

        Assert.Equal(DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture), at);
        Assert.Equal(TimeSpan.Zero, at.Offset);
        Assert.Equal(written.Length + 1, length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no time at all, only text")]
    [InlineData("2025-13-22T15:18:23Z x")]
    [InlineData("2025-02-30T15:18:23Z x")]
    [InlineData("2025-11-22T15:18:23.123456789")]
    [InlineData("2025-11-22T15:18:23.123456789Zx")]
    [InlineData("2025-11-22T15:18:23+0200 x")]
    [InlineData("2025-11-2aT15:18:23Z x")]
    public void Anything_else_is_no_time(string text) => Assert.False(LogTimestamp.TryRead(Encoding.ASCII.GetBytes(text), out _, out _));
}
