using System.Text;
using System.Text.Json;
using Berth.EndToEndTests.Lab;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.EndToEndTests.Sealing;

/// <summary>Sealed boxes, between ours and somebody else's implementations of HPKE and XChaCha20-Poly1305.</summary>
public sealed class SealedBoxTests : IDisposable
{
    private const string Script = "sealed-box.mjs";
    private const string Purpose = "a box of this test, ü";
    private readonly SigningKey _signing = SigningKey.New();
    private readonly DecryptionKey _key;

    public SealedBoxTests() => _key = DecryptionKey.Of(_signing);

    private string Seed => Convert.ToHexStringLower(_signing.ExportSeed());

    public void Dispose()
    {
        _key.Dispose();
        _signing.Dispose();
    }

    [Fact]
    public async Task Another_implementation_finds_the_encryption_key_that_belongs_to_a_key() =>
        Assert.Equal(Convert.ToHexStringLower(_key.Published.Key), (await Peer.AskAsync(Script, ["key", Seed])).Output.Trim());

    [Fact]
    public async Task Boxes_we_seal_are_opened_by_another_implementation()
    {
        using var other = SigningKey.New();
        using var otherKey = DecryptionKey.Of(other);
        var box = SealedBox.Seal(Encoding.UTF8.GetBytes("not for everybody"), Purpose, otherKey.Published, _key.Published);

        var said = await Peer.AskAsync(Script, ["open", Seed, _signing.Address.Value, Purpose], JsonSerializer.Serialize(box, WireJson.Answers.SealedBox));

        Assert.Equal("not for everybody", said.Output);
    }

    [Fact]
    public async Task Boxes_that_another_implementation_seals_are_opened_by_us()
    {
        var said = await Peer.AskAsync(Script, ["seal", Convert.ToHexStringLower(_key.Published.Key), _signing.Address.Value, Purpose], "said by others");
        var box = JsonSerializer.Deserialize(said.Output, WireJson.Answers.SealedBox)!;

        Assert.Equal("said by others", Encoding.UTF8.GetString(box.Open(_key, Purpose)!));
        Assert.Null(box.Open(_key, "another purpose"));
    }
}
