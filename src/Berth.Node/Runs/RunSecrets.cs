using System.Collections.Immutable;
using System.Text;

namespace Berth.Node.Runs;

/// <summary>The values of the secrets that a run's definition names, in memory only and as long as the run. Nothing that is written, shown or told may have them in it.</summary>
public sealed class RunSecrets(ImmutableDictionary<string, string> values)
{
    /// <summary>There are none.</summary>
    public static RunSecrets None { get; } = new(ImmutableDictionary<string, string>.Empty);

    public ImmutableDictionary<string, string> Values => values;

    /// <summary>Takes the values out of lines and events.</summary>
    public SecretMask Mask { get; } = SecretMask.Of(values.Values);

    /// <summary>Names of those that are too short to be masked.</summary>
    public IEnumerable<string> Unmasked => from pair in values where Encoding.UTF8.GetByteCount(pair.Value) < SecretMask.ShortestMasked orderby pair.Key select pair.Key;

    public override string ToString() => $"RunSecrets {{ {string.Join(", ", values.Keys)} }}";
}
