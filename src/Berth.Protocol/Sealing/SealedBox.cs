using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Berth.Protocol.Identity;

namespace Berth.Protocol.Sealing;

/// <summary>
/// Content that only its recipients can open: sealed once with a <see cref="ContentKey"/> of its own, which is wrapped for each of them (<see cref="WrappedKey"/>). The purpose says what
/// it is and for whom; a box that is put in another's place does not open there.
/// </summary>
/// <param name="Content">Sealed with the content key.</param>
/// <param name="Keys">The content key, wrapped for one recipient after the other.</param>
public sealed record SealedBox(byte[] Content, ImmutableArray<WrappedKey> Keys)
{
    /// <summary>The most recipients a box has.</summary>
    public const int MostRecipients = 16;

    /// <summary>Seals the content for the recipients.</summary>
    /// <exception cref="CryptographicException">A recipient's key is not signed by its owner, or is none.</exception>
    public static SealedBox Seal(ReadOnlySpan<byte> content, string purpose, params ReadOnlySpan<EncryptionKey> recipients)
    {
        using var key = ContentKey.New();
        return Seal(content, key, purpose, recipients);
    }

    /// <summary>Seals the content with a key that is used for more.</summary>
    /// <exception cref="CryptographicException">A recipient's key is not signed by its owner, or is none.</exception>
    public static SealedBox Seal(ReadOnlySpan<byte> content, ContentKey key, string purpose, params ReadOnlySpan<EncryptionKey> recipients)
    {
        var keys = ImmutableArray.CreateBuilder<WrappedKey>(recipients.Length);
        foreach (var recipient in recipients)
        {
            keys.Add(WrappedKey.For(recipient, key, purpose));
        }

        return new SealedBox(key.Seal(content, purpose), keys.MoveToImmutable());
    }

    /// <summary>The content key, for a recipient; null for anybody else, and when something was changed.</summary>
    public ContentKey? KeyFor(DecryptionKey recipient, string purpose) => Keys.IsDefault
        ? null
        : Keys.Where(wrapped => wrapped is not null && wrapped.Recipient == recipient.Owner).Select(wrapped => wrapped.Unwrap(recipient, purpose)).FirstOrDefault(key => key is not null);

    /// <summary>The content, for a recipient; null for anybody else, and when something was changed.</summary>
    public byte[]? Open(DecryptionKey recipient, string purpose)
    {
        using var key = KeyFor(recipient, purpose);
        return key?.Open(Content, purpose);
    }
}

/// <summary>A content key, wrapped for one recipient by HPKE (RFC 9180, base mode) with the info <c>berth sealed box 1</c>, a newline and the purpose.</summary>
/// <param name="Recipient">Who can unwrap it.</param>
/// <param name="Encapsulated">HPKE's <c>enc</c>, 32 bytes.</param>
/// <param name="Wrapped">HPKE's ciphertext of the key, 48 bytes.</param>
public sealed record WrappedKey(Address Recipient, byte[] Encapsulated, byte[] Wrapped)
{
    internal static WrappedKey For(EncryptionKey recipient, ContentKey key, string purpose)
    {
        if (!recipient.IsGenuine)
        {
            throw new CryptographicException($"The encryption key that is said to be {recipient.Owner}'s is not signed by it; nothing is sealed for it.");
        }

        var bytes = key.Export();
        try
        {
            return Hpke.Seal(recipient.Key, Info(purpose), [], bytes) is var (encapsulated, wrapped)
                ? new WrappedKey(recipient.Owner, encapsulated, wrapped)
                : throw new CryptographicException($"The encryption key of {recipient.Owner} is a point that nothing can be sealed for.");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    internal ContentKey? Unwrap(DecryptionKey recipient, string purpose)
    {
        if (recipient.Open(Encapsulated, Info(purpose), [], Wrapped) is not { } bytes)
        {
            return null;
        }

        var key = ContentKey.Of(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return key;
    }

    private static byte[] Info(string purpose) => Encoding.UTF8.GetBytes($"berth sealed box 1\n{purpose}");
}
