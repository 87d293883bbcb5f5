namespace Berth.Jobs.Placeholders;

/// <summary>How much filling may still make: results of other operations can be large, and one text may name them many times.</summary>
internal sealed class Allowance
{
    public const int MaximumNodes = 100_000;

    public const int MaximumCharacters = 16 * 1024 * 1024;

    /// <summary>Deeper than a definition can be, with what is filled in.</summary>
    public const int MaximumDepth = 256;

    private long _nodes = MaximumNodes;
    private long _characters = MaximumCharacters;

    /// <summary>Once true, nothing that was made counts.</summary>
    public bool IsSpent => _nodes < 0 || _characters < 0;

    /// <summary>False when that is more than is left.</summary>
    public bool TakeNode()
    {
        _nodes--;
        return !IsSpent;
    }

    /// <inheritdoc cref="TakeNode"/>
    public bool TakeText(long characters)
    {
        _characters -= characters;
        return !IsSpent;
    }
}
