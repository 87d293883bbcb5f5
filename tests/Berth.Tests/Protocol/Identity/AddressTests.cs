using System.Text.Json;
using Berth.Jobs;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Xunit;

namespace Berth.Tests.Protocol.Identity;

/// <summary>Addresses as texts and as those who sign.</summary>
public sealed class AddressTests
{
    [Theory]
    [InlineData("H3fhW6p9qQ2anKERK85LCVd3TJu2DVPdX2FhzWLMUyqg")]
    [InlineData("11111111111111111111111111111111")]
    public void Base58_of_32_bytes_is_an_address(string text)
    {
        var address = Address.Parse(text, null);

        Assert.Equal(text, address.ToString());
        Assert.Equal(32, address.Bytes.Length);
        Assert.Equal(address, Address.Of(address.Bytes));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("1111111111111111111111111111111")]
    [InlineData("111111111111111111111111111111111")]
    [InlineData("H3fhW6p9qQ2anKERK85LCVd3TJu2DVPdX2FhzWLMUyq0")]
    [InlineData("H3fhW6p9qQ2anKERK85LCVd3TJu2DVPdX2FhzWLMUyqg ")]
    [InlineData("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz")]
    public void Anything_else_is_none(string? text)
    {
        Assert.False(Address.TryParse(text, null, out _));
        Assert.Contains("base58 of 32 bytes", Assert.Throws<FormatException>(() => Address.Parse(text!, null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_public_key_of_another_length_has_no_address() => Assert.Throws<ArgumentException>(() => Address.Of(new byte[31]));

    [Fact]
    public void Every_fresh_address_is_another_and_can_be_a_jobs_id()
    {
        var fresh = Address.Fresh();

        Assert.NotEqual(fresh, Address.Fresh());
        Assert.True(JobId.TryParse(fresh.Value, null, out _));
    }

    [Fact]
    public void On_the_wire_it_is_its_text()
    {
        var address = Address.Parse("H3fhW6p9qQ2anKERK85LCVd3TJu2DVPdX2FhzWLMUyqg", null);
        var json = JsonSerializer.Serialize(new AccountFacts { Address = address, Balance = Nos.Zero, Escrow = Nos.Zero }, WireJson.Answers.AccountFacts);

        Assert.Contains("\"address\":\"H3fhW6p9qQ2anKERK85LCVd3TJu2DVPdX2FhzWLMUyqg\"", json, StringComparison.Ordinal);
        Assert.Equal(address, JsonSerializer.Deserialize(json, WireJson.Answers.AccountFacts)!.Address);
    }

    [Theory]
    [InlineData("\"H3fhW6p9\"")]
    [InlineData("17")]
    [InlineData("null")]
    public void What_is_no_address_on_the_wire_is_refused(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize($$"""{"address":{{json}},"balance":0,"escrow":0}""", WireJson.Answers.AccountFacts));

    // Orders of 1, 2, 4 and 8: with such a "key" one signature holds for every message.
    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")]
    public void A_key_of_small_order_verifies_nothing(string publicKey)
    {
        var address = Address.Of(Convert.FromHexString(publicKey));
        byte[] signature = [1, .. new byte[63]];

        Assert.False(address.Verify("whatever"u8, signature));
    }
}
