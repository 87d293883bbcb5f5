using Berth.Protocol.Identity;
using CsCheck;
using Xunit;

namespace Berth.Tests.Protocol.Identity;

/// <summary>Structured header fields (RFC 9651) as strangers write them.</summary>
public sealed class StructuredFieldTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("   ", "")]
    [InlineData("a=1", "a=1")]
    [InlineData(" a=-17 ", "a=-17")]
    [InlineData("a=999999999999999,b=-999999999999999", "a=999999999999999, b=-999999999999999")]
    [InlineData("a=007", "a=7")]
    [InlineData("a=\"x \\\"y\\\" \\\\\"", "a=\"x \\\"y\\\" \\\\\"")]
    [InlineData("a=\"\"", "a=\"\"")]
    [InlineData("a=to/k:en*!", "a=to/k:en*!")]
    [InlineData("a=*", "a=*")]
    [InlineData("a=:AQID:", "a=:AQID:")]
    [InlineData("a=::", "a=::")]
    [InlineData("a=:AQ:", "a=:AQ==:")]
    [InlineData("a=?1, b=?0", "a=?1, b=?0")]
    [InlineData("a, b;x;y=2", "a=?1, b=?1;x;y=2")]
    [InlineData("a=(), b=( \"x\"  y;q )", "a=(), b=(\"x\" y;q)")]
    [InlineData("a=(1 2);created=5;  nonce=\"n\"", "a=(1 2);created=5;nonce=\"n\"")]
    [InlineData("a=1\t ,\t b=2", "a=1, b=2")]
    [InlineData("*a_-.*9=1", "*a_-.*9=1")]
    [InlineData("a=1, b=2, a=3", "a=3, b=2")]
    [InlineData("a=1;x=1;y=2;x=3", "a=1;x=3;y=2")]
    public void A_dictionary_is_read_and_written(string text, string written) => Assert.Equal(written, Written(text));

    [Theory]
    [InlineData("a=")]
    [InlineData("a=1,")]
    [InlineData("a=1, ,b=2")]
    [InlineData(",a=1")]
    [InlineData("a=1 b=2")]
    [InlineData("A=1")]
    [InlineData("1a=1")]
    [InlineData("-a=1")]
    [InlineData("a =1")]
    [InlineData("a= 1")]
    [InlineData("a=1 ;x")]
    [InlineData("a=1;")]
    [InlineData("a=1;X")]
    [InlineData("a=1;x=")]
    [InlineData("a=1;x=(1)")]
    [InlineData("a=-")]
    [InlineData("a=--1")]
    [InlineData("a=1000000000000000")]
    [InlineData("a=1.5")]
    [InlineData("a=1.")]
    [InlineData("a=\"x")]
    [InlineData("a=\"x\\")]
    [InlineData("a=\"\\n\"")]
    [InlineData("a=\"é\"")]
    [InlineData("a=\"\t\"")]
    [InlineData("a=\"\u0000\"")]
    [InlineData("a=\"\u007f\"")]
    [InlineData("a=:AQID")]
    [InlineData("a=:A:")]
    [InlineData("a=:AQ=D:")]
    [InlineData("a=:A Q I D:")]
    [InlineData("a=:AQ-_:")]
    [InlineData("a=:=:")]
    [InlineData("a=:AQID====:")]
    [InlineData("a=?2")]
    [InlineData("a=?")]
    [InlineData("a=?true")]
    [InlineData("a=(")]
    [InlineData("a=(1")]
    [InlineData("a=(1 2")]
    [InlineData("a=(1\t2)")]
    [InlineData("a=(1,2)")]
    [InlineData("a=(\"x\"\"y\")")]
    [InlineData("a=((1))")]
    [InlineData("a=1)")]
    [InlineData("a=@1659578233")]
    [InlineData("a=%\"x\"")]
    [InlineData("é=1")]
    [InlineData("\ta=1")]
    [InlineData("a=1\n")]
    public void What_is_not_to_the_letter_is_no_dictionary(string text) => Assert.Null(Written(text));

    [Fact]
    public void Whatever_is_read_is_written_so_that_it_reads_the_same()
    {
        string[] pieces = ["a", "b", "=", ";", ",", "(", ")", " ", "\t", "\"", "\\", ":", "?1", "?0", "1", "-", "AQ==", "x*", "é", "\0"];
        Gen.Int[0, pieces.Length - 1].Array[0, 25].Select(choice => string.Concat(choice.Select(index => pieces[index]))).Sample(
            text =>
            {
                if (Written(text) is { } written)
                {
                    Assert.Equal(written, Written(written));
                }
            },
            iter: 20_000);
    }

    [Fact]
    public void Any_text_comes_back_from_a_value()
    {
        Gen.Char[' ', '~'].Array[0, 30].Select(letters => new string(letters)).Sample(text =>
        {
            var members = StructuredFieldReader.ReadDictionary($"a={new TextItem(text)}");
            Assert.Equal(new TextItem(text), ((FieldItem)members!["a"]).Value);
        });
        Gen.Byte.Array[0, 70].Sample(bytes =>
        {
            var members = StructuredFieldReader.ReadDictionary($"a={new BytesItem([.. bytes])}");
            Assert.Equal(bytes, ((BytesItem)((FieldItem)members!["a"]).Value).Value);
        });
    }

    [Fact]
    public void Opening_a_great_many_brackets_leads_nowhere() => Assert.Null(Written("a=" + new string('(', 1_000_000)));

    private static string? Written(string text) =>
        StructuredFieldReader.ReadDictionary(text) is { } members ? string.Join(", ", members.Select(member => $"{member.Key}={member.Value}")) : null;
}
