using System.Security.Cryptography;
using System.Text;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;
using Xunit;

namespace Berth.Tests.Protocol.Sealing;

/// <summary>Sealed boxes, and the keys they are for.</summary>
public sealed class SealedBoxTests : IDisposable
{
    private static readonly byte[] Content = Encoding.UTF8.GetBytes("what nobody else may read");
    private readonly SigningKey _signing = SigningKey.New();
    private readonly SigningKey _otherSigning = SigningKey.New();
    private readonly DecryptionKey _one;
    private readonly DecryptionKey _other;

    public SealedBoxTests() => (_one, _other) = (DecryptionKey.Of(_signing), DecryptionKey.Of(_otherSigning));

    public void Dispose()
    {
        _one.Dispose();
        _other.Dispose();
        _signing.Dispose();
        _otherSigning.Dispose();
    }

    [Fact]
    public void Every_recipient_opens_a_box_and_nobody_else()
    {
        using var third = SigningKey.New();
        using var stranger = DecryptionKey.Of(third);
        var box = SealedBox.Seal(Content, "test", _one.Published, _other.Published);

        Assert.Equal(Content, box.Open(_one, "test"));
        Assert.Equal(Content, box.Open(_other, "test"));
        Assert.Null(box.Open(stranger, "test"));
        Assert.Null((box with { Keys = [.. box.Keys.Select(key => key with { Recipient = stranger.Owner })] }).Open(stranger, "test"));
    }

    [Fact]
    public void A_box_does_not_open_under_another_purpose() => Assert.Null(SealedBox.Seal(Content, "log 1", _one.Published).Open(_one, "log 2"));

    [Fact]
    public void A_box_that_was_changed_does_not_open()
    {
        var box = SealedBox.Seal(Content, "test", _one.Published);
        var key = Assert.Single(box.Keys);

        for (var place = 0; place < box.Content.Length; place++)
        {
            Assert.Null((box with { Content = Changed(box.Content, place) }).Open(_one, "test"));
        }

        Assert.Null((box with { Keys = [key with { Wrapped = Changed(key.Wrapped, 0) }] }).Open(_one, "test"));
        Assert.Null((box with { Keys = [key with { Encapsulated = Changed(key.Encapsulated, 0) }] }).Open(_one, "test"));
        Assert.Null((box with { Content = [] }).Open(_one, "test"));
        Assert.Null((box with { Keys = default }).Open(_one, "test"));
        Assert.Null((box with { Keys = [null!] }).Open(_one, "test"));
    }

    [Fact]
    public void The_same_content_never_looks_the_same() =>
        Assert.NotEqual(SealedBox.Seal(Content, "test", _one.Published).Content, SealedBox.Seal(Content, "test", _one.Published).Content);

    [Fact]
    public void Nothing_is_sealed_with_a_key_that_its_owner_did_not_sign()
    {
        // Somebody in the middle says that its own key is another's.
        var forged = _one.Published with { Owner = _other.Owner };

        Assert.True(_one.Published.IsGenuine);
        Assert.False(forged.IsGenuine);
        Assert.False((_one.Published with { Key = Changed(_one.Published.Key, 3) }).IsGenuine);
        Assert.Throws<CryptographicException>(() => SealedBox.Seal(Content, "test", forged));
    }

    [Fact]
    public void An_encryption_key_follows_from_the_signing_key_and_from_nothing_else()
    {
        using var seed = SigningKey.FromSeed(Convert.FromHexString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
        using var key = DecryptionKey.Of(seed);
        using var again = DecryptionKey.Of(seed);

        // Reckoned by another implementation; tests/Berth.EndToEndTests/Npm/sealed-box.mjs has the way.
        Assert.Equal("4d769e525dfc232171e20f6599a827f1182e1e25e4d7ca491606c44433a49b4c", Convert.ToHexStringLower(key.Published.Key));
        Assert.Equal(Content, SealedBox.Seal(Content, "test", key.Published).Open(again, "test"));
    }

    [Fact]
    public void A_content_key_seals_many_things_each_for_its_purpose()
    {
        using var key = ContentKey.New();
        using var logs = key.For("logs");
        using var same = ContentKey.Of(key.Export())!.For("logs");
        var made = logs.Seal(Content, "line 1");

        Assert.Equal(Content, same.Open(made, "line 1"));
        Assert.Null(same.Open(made, "line 2"));
        Assert.Null(key.Open(made, "line 1"));
        Assert.Null(key.For("events").Open(made, "line 1"));
        Assert.Null(same.Open(made.AsSpan(1), "line 1"));
        Assert.Null(same.Open([], "line 1"));
        Assert.Empty(same.Open(logs.Seal([], "nothing"), "nothing")!);
        Assert.Null(ContentKey.Of(new byte[31]));
    }

    private static byte[] Changed(byte[] bytes, int place)
    {
        byte[] changed = [.. bytes];
        changed[place] ^= 1;
        return changed;
    }
}
