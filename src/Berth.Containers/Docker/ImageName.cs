using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Berth.Containers.Docker;

/// <summary>An image reference taken apart: the repository, and the tag or digest, <c>latest</c> when it has none.</summary>
internal sealed record ImageName(string Repository, string Tag)
{
    private static readonly string[] DefaultPrefixes =
        ["docker.io/", "docker.io/library/", "registry.hub.docker.com/", "registry.hub.docker.com/library/", "localhost/"];

    public bool HasDigest => Tag.Contains(':', StringComparison.Ordinal);

    /// <summary>The registry's host when the reference names one.</summary>
    public string? Registry
    {
        get
        {
            var slash = Repository.IndexOf('/', StringComparison.Ordinal);
            return slash > 0 && (Repository.AsSpan(0, slash).ContainsAny('.', ':') || Repository[..slash] == "localhost") ? Repository[..slash] : null;
        }
    }

    /// <summary>The names under which an engine may hold the image, the written one first.</summary>
    public ImmutableArray<string> Variants => Registry is null ? [ToString(), .. DefaultPrefixes.Select(prefix => prefix + this)] : [ToString()];

    /// <summary>A message of an engine without this image's name in any of its spellings.</summary>
    public string TakenOutOf(string message)
    {
        var path = Registry is null ? Repository : Repository[(Registry.Length + 1)..];
        var names = Variants.Concat(Variants.Select(variant => variant[..^(Tag.Length + 1)])).Append(path).OrderByDescending(name => name.Length);
        return Regex.Replace(message, $@"(?<!\w)({string.Join('|', names.Select(Regex.Escape))})(?!\w)", "");
    }

    public static ImageName Parse(string reference)
    {
        var at = reference.IndexOf('@', StringComparison.Ordinal);
        if (at >= 0)
        {
            var named = Parse(reference[..at]);
            return new(named.Repository, reference[(at + 1)..]);
        }

        var colon = reference.LastIndexOf(':');
        return colon > reference.LastIndexOf('/') ? new(reference[..colon], reference[(colon + 1)..]) : new(reference, "latest");
    }

    public override string ToString() => Repository + (HasDigest ? "@" : ":") + Tag;
}
