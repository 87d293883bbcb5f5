using System.Text;
using Berth.Protocol.Sealing;
using Xunit;

namespace Berth.Tests.Protocol.Sealing;

/// <summary>HPKE, by the vectors of RFC 9180, A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, base mode, sequence number 0.</summary>
public sealed class HpkeTests
{
    private static readonly byte[] Ephemeral = Convert.FromHexString("f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600");
    private static readonly byte[] Recipient = Convert.FromHexString("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
    private static readonly byte[] RecipientPublic = Convert.FromHexString("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
    private static readonly byte[] Encapsulated = Convert.FromHexString("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
    private static readonly byte[] Ciphertext = Convert.FromHexString("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28");
    private static readonly byte[] Info = Encoding.ASCII.GetBytes("Ode on a Grecian Urn");
    private static readonly byte[] Associated = Encoding.ASCII.GetBytes("Count-0");
    private static readonly byte[] Message = Encoding.ASCII.GetBytes("Beauty is truth, truth beauty");

    [Theory]
    [InlineData("1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df", "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb", "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a")]
    [InlineData("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b", "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600", "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a")]
    public void Keys_follow_from_their_material(string material, string privateKey, string publicKey)
    {
        var key = Hpke.DerivePrivateKey(Convert.FromHexString(material));

        Assert.Equal(privateKey, Convert.ToHexStringLower(key));
        Assert.Equal(publicKey, Convert.ToHexStringLower(Hpke.PublicKeyOf(key)));
    }

    [Fact]
    public void A_message_is_sealed_as_the_standard_seals_it()
    {
        var made = Hpke.Seal(RecipientPublic, Ephemeral, Info, Associated, Message);

        Assert.Equal(Encapsulated, made?.Encapsulated);
        Assert.Equal(Ciphertext, made?.Sealed);
    }

    [Fact]
    public void What_the_standard_sealed_is_opened() => Assert.Equal(Message, Hpke.Open(Recipient, Encapsulated, Info, Associated, Ciphertext));

    [Fact]
    public void Nothing_is_opened_that_was_changed_or_is_for_another()
    {
        Assert.Null(Hpke.Open(Ephemeral, Encapsulated, Info, Associated, Ciphertext));
        Assert.Null(Hpke.Open(Recipient, Encapsulated, Associated, Associated, Ciphertext));
        Assert.Null(Hpke.Open(Recipient, Encapsulated, Info, Info, Ciphertext));
        Assert.Null(Hpke.Open(Recipient, RecipientPublic, Info, Associated, Ciphertext));
        Assert.Null(Hpke.Open(Recipient, Encapsulated.AsSpan(1), Info, Associated, Ciphertext));
        Assert.Null(Hpke.Open(Recipient, Encapsulated, Info, Associated, []));
        for (var place = 0; place < Ciphertext.Length; place++)
        {
            byte[] changed = [.. Ciphertext];
            changed[place] ^= 1;
            Assert.Null(Hpke.Open(Recipient, Encapsulated, Info, Associated, changed));
        }
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")]
    public void Nothing_is_sealed_for_a_point_of_small_order(string point)
    {
        Assert.Null(Hpke.Seal(Convert.FromHexString(point), Info, Associated, Message));
        Assert.Null(Hpke.Open(Recipient, Convert.FromHexString(point), Info, Associated, Ciphertext));
    }
}
