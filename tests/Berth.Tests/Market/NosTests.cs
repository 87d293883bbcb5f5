using Berth.Protocol;
using CsCheck;
using Xunit;

namespace Berth.Tests.Market;

public sealed class NosTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1", 1_000_000)]
    [InlineData("0.000048", 48)]
    [InlineData("12.5", 12_500_000)]
    [InlineData("1.250000", 1_250_000)]
    [InlineData("9000000000000", 9_000_000_000_000_000_000)]
    public void An_amount_is_read_as_people_write_it(string text, long micro) => Assert.Equal(new Nos(micro), Nos.Parse(text, null));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("1,5")]
    [InlineData("1e3")]
    [InlineData(" 1")]
    [InlineData("0.0000001")]
    [InlineData("9000000000001")]
    [InlineData("99999999999999999999999999999999999999")]
    [InlineData("NaN")]
    [InlineData("1 NOS")]
    public void What_is_no_amount_is_refused(string? text) => Assert.False(Nos.TryParse(text, null, out _));

    [Theory]
    [InlineData(1_250_000, "1.25")]
    [InlineData(48, "0.000048")]
    [InlineData(-4_200, "-0.0042")]
    [InlineData(0, "0")]
    public void An_amount_is_written_without_noughts_behind(long micro, string text) => Assert.Equal(text, new Nos(micro).ToString());

    [Fact]
    public void What_is_written_is_read_back() => Gen.Long[0, 9_000_000_000_000_000_000].Sample(micro => Nos.Parse(new Nos(micro).ToString(), null) == new Nos(micro));

    [Fact]
    public void More_than_can_be_counted_is_an_error_and_never_another_amount()
    {
        Assert.Throws<OverflowException>(() => new Nos(long.MaxValue) + new Nos(1));
        Assert.Throws<OverflowException>(() => new Nos(long.MinValue) - new Nos(1));
        Assert.Throws<OverflowException>(() => new Nos(long.MaxValue / 2) * 3);
    }
}
