using System.Text.Json;
using Berth.Protocol.Identity;
using CsCheck;
using Xunit;

namespace Berth.Tests.Protocol.Identity;

/// <summary>Content ids as texts and as the 32 bytes on the chain.</summary>
public sealed class ContentIdTests
{
    [Theory]
    [InlineData("QmTcNQ4dGq8veeg8v5cQyGoaJEPSYQnVTd1TvfckVFVzRu", "4e5148d95ed49dd537e85116b6c41cd77d922dcf28f80ceaba0bab7969fe2fa8")]
    [InlineData("QmNLei78zWmzUdbeRB3CiUfAizWUrbeeZh5K1rhAQKCh51", "0000000000000000000000000000000000000000000000000000000000000000")]
    public void A_text_and_32_bytes_stand_for_each_other(string text, string digest)
    {
        Assert.Equal(digest, Convert.ToHexStringLower(ContentId.Parse(text, null).Digest));
        Assert.Equal(text, ContentId.OfDigest(Convert.FromHexString(digest)).ToString());
    }

    [Fact]
    public void Any_32_bytes_come_back_from_their_text() => Gen.Byte.Array[32].Sample(digest =>
        Assert.Equal(digest, ContentId.Parse(ContentId.OfDigest(digest).Value, null).Digest));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("QmTcNQ4dGq8veeg8v5cQyGoaJEPSYQnVTd1TvfckVFVzR")]
    [InlineData("QmTcNQ4dGq8veeg8v5cQyGoaJEPSYQnVTd1TvfckVFVzRuu")]
    [InlineData("QmTcNQ4dGq8veeg8v5cQyGoaJEPSYQnVTd1TvfckVFVzR0")]
    [InlineData(" QmTcNQ4dGq8veeg8v5cQyGoaJEPSYQnVTd1TvfckVFVzRu")]
    [InlineData("5drNu81uhrFLRiS4bxWgAkpydaLUPW1YvU4jQqPJDKkPJm")]
    [InlineData("bafybeicokfenkxwutxktp2crc23mihgxpwjc3tzi7agovoqlvn4wt7rpva")]
    [InlineData("1111111111111111111111111111111111111111111111")]
    public void Anything_else_is_no_content_id(string? text)
    {
        Assert.False(ContentId.TryParse(text, null, out _));
        Assert.Contains("CIDv0", Assert.Throws<FormatException>(() => ContentId.Parse(text!, null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_digest_of_another_length_is_none() => Assert.Throws<ArgumentException>(() => ContentId.OfDigest(new byte[31]));

    [Fact]
    public void On_the_wire_it_is_its_text()
    {
        var id = ContentId.Parse("QmTcNQ4dGq8veeg8v5cQyGoaJEPSYQnVTd1TvfckVFVzRu", null);

        Assert.Equal("\"QmTcNQ4dGq8veeg8v5cQyGoaJEPSYQnVTd1TvfckVFVzRu\"", JsonSerializer.Serialize(id));
        Assert.Equal(id, JsonSerializer.Deserialize<ContentId>(JsonSerializer.Serialize(id)));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<ContentId>("\"Qm\""));
    }
}
