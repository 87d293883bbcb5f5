using System.Text;
using Berth.Jobs;
using CsCheck;
using Xunit;

namespace Berth.Tests.Jobs;

public sealed class Base58Tests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("61", "2g")]
    [InlineData("626262", "a3gV")]
    [InlineData("73696d706c792061206c6f6e6720737472696e67", "2cFupjhnEsSn59qHXstmK2ffpLv2")]
    [InlineData("516b6fcd0f", "ABnLTmg")]
    [InlineData("bf4f89001e670274dd", "3SEo3LWLoPntC")]
    [InlineData("572e4794", "3EFU7m")]
    [InlineData("10c8511e", "Rt5zm")]
    [InlineData("00", "1")]
    [InlineData("00000000000000000000", "1111111111")]
    [InlineData("00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L")]
    public void Bytes_and_text_stand_for_each_other(string hex, string text)
    {
        var bytes = Convert.FromHexString(hex);

        Assert.Equal(text, Base58.Encode(bytes));
        Assert.Equal(bytes, Base58.Decode(text));
    }

    [Fact]
    public void Any_bytes_come_back_from_their_text_with_every_leading_zero() =>
        Gen.Select(Gen.Int[0, 5], Gen.Byte.Array[0, 40]).Sample((zeros, tail) =>
        {
            byte[] bytes = [.. new byte[zeros], .. tail];
            Assert.Equal(bytes, Base58.Decode(Base58.Encode(bytes)));
        });

    [Theory]
    [InlineData("0")]
    [InlineData("O")]
    [InlineData("I")]
    [InlineData("l")]
    [InlineData("ab cd")]
    [InlineData("abé")]
    public void A_character_outside_the_alphabet_makes_it_no_base58(string text) => Assert.Null(Base58.Decode(text));

    [Fact]
    public void A_text_encodes_as_its_bytes() => Assert.Equal("JxF12TrwUP45BMd", Base58.Encode(Encoding.UTF8.GetBytes("Hello World")));
}
