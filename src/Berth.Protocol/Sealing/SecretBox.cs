using System.Text;
using Berth.Jobs.Definitions;
using Berth.Protocol.Identity;

namespace Berth.Protocol.Sealing;

/// <summary>A secret's value as the market stores it: a box for its owner and, when it is market-held, for the market.</summary>
public static class SecretBox
{
    public static SealedBox Seal(string name, string value, EncryptionKey owner, EncryptionKey? market)
    {
        var purpose = Purpose(owner.Owner, name);
        var bytes = Encoding.UTF8.GetBytes(value);
        return market is null ? SealedBox.Seal(bytes, purpose, owner) : SealedBox.Seal(bytes, purpose, owner, market);
    }

    /// <summary>The value, or null when the box is not that secret's, or not for this key.</summary>
    public static string? Open(SealedBox box, Address owner, string name, DecryptionKey key) => box.Open(key, Purpose(owner, name)) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;

    private static string Purpose(Address owner, string name) => $"secret {owner} {name}";
}

/// <summary>Sets a secret (<c>PUT /secrets/{name}</c>); the market gets what it stores and nothing else.</summary>
public sealed record SecretDraft
{
    /// <summary>A box for the owner, and for the market where it is <see cref="IsMarketHeld"/>.</summary>
    public required SealedBox Box { get; init; }

    /// <summary>The market's own key may open it, to hand it over to nodes while the owner is away.</summary>
    public bool IsMarketHeld { get; init; }
}

/// <summary>What is listed of a secret: everything but its value.</summary>
public sealed record SecretFacts
{
    /// <summary>As <see cref="SecretReference.IsName"/> allows it.</summary>
    public required string Name { get; init; }

    public bool IsMarketHeld { get; init; }

    public required DateTimeOffset SetAt { get; init; }
}
