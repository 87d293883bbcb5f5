namespace Berth.Protocol.Identity;

/// <summary>What a key file had in it: the key, which the reader now owns, or the sentence that says what is wrong. Neither sentence ever quotes the file's content.</summary>
public sealed record KeyReading
{
    /// <summary>The key; null when there is a <see cref="Fault"/>.</summary>
    public SigningKey? Key { get; init; }

    /// <summary>Why there is no key.</summary>
    public string? Fault { get; init; }

    /// <summary>The key is good, but its file lies open to others; says what to do.</summary>
    public string? Warning { get; init; }
}
