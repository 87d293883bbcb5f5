using Berth.Protocol.Identity;
using CsCheck;
using Xunit;

namespace Berth.Tests.Protocol.Identity;

/// <summary>Signatures, by the vectors of RFC 8032, 7.1.</summary>
public sealed class SigningKeyTests
{
    [Theory]
    [InlineData(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    [InlineData(
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704")]
    public void A_seed_makes_its_key_and_signatures(string seed, string publicKey, string message, string signature)
    {
        using var key = SigningKey.FromSeed(Convert.FromHexString(seed));

        Assert.Equal(Address.Of(Convert.FromHexString(publicKey)), key.Address);
        Assert.Equal(signature, Convert.ToHexStringLower(key.Sign(Convert.FromHexString(message))));
        Assert.True(key.Address.Verify(Convert.FromHexString(message), Convert.FromHexString(signature)));
    }

    [Fact]
    public void A_signature_holds_for_its_bytes_and_its_signer_only()
    {
        using var key = SigningKey.New();
        using var other = SigningKey.New();

        Gen.Select(Gen.Byte.Array[1, 50], Gen.Int[0, 511], Gen.Int[0, 49]).Sample((message, bit, place) =>
        {
            var signature = key.Sign(message);
            Assert.True(key.Address.Verify(message, signature));
            Assert.False(other.Address.Verify(message, signature));

            signature[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(key.Address.Verify(message, signature));

            signature[bit / 8] ^= (byte)(1 << (bit % 8));
            message[place % message.Length] ^= 1;
            Assert.False(key.Address.Verify(message, signature));
        });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(65)]
    public void What_has_no_64_bytes_is_no_signature(int length)
    {
        using var key = SigningKey.New();

        Assert.False(key.Address.Verify("message"u8, new byte[length]));
    }

    [Fact]
    public void A_seed_of_another_length_is_none() => Assert.Throws<FormatException>(() => SigningKey.FromSeed(new byte[31]));

    [Fact]
    public void Printing_a_key_shows_its_address_only()
    {
        using var key = SigningKey.FromSeed(new byte[32]);

        Assert.Equal($"SigningKey {{ Address = {key.Address} }}", key.ToString());
    }
}
