using System.Text.RegularExpressions;

namespace Berth.Jobs.Definitions;

/// <summary>Says what is impossible about the name of an image, in the grammar that container engines share.</summary>
internal static partial class ImageReference
{
    public const int Longest = 1024;

    /// <summary>Why no engine could take the name; null when one could.</summary>
    public static string? Fault(string image)
    {
        if (image.Length == 0)
        {
            return "The name of the image is empty.";
        }

        if (image.Length > Longest)
        {
            return $"The name of the image is longer than {Longest} characters.";
        }

        if (image.Any(char.IsWhiteSpace))
        {
            return "The name of an image has no spaces.";
        }

        if (image.Contains("://", StringComparison.Ordinal))
        {
            return "The name of an image has no scheme; leave out what stands before '://' and the '://' itself.";
        }

        var (repository, tag, digest) = Parts(image);
        if (digest is not null && !Digest.IsMatch(digest))
        {
            return "After '@' a digest such as sha256: and 64 hexadecimal digits must follow.";
        }

        if (tag is not null && !Tag.IsMatch(tag))
        {
            return "The tag after ':' has letters, digits, '_', '.' and '-', at most 128 of them.";
        }

        if (repository.Any(char.IsAsciiLetterUpper))
        {
            return "The repository of an image is written in lower case.";
        }

        return Repository.IsMatch(repository)
            ? null
            : "This is no name of an image; names look like ubuntu:24.04 or ghcr.io/owner/name:1.2.";
    }

    /// <summary>Whether the name leaves open which image is meant: no digest, and no tag or the moving one. What was built on the machine itself is meant as it is.</summary>
    public static bool Moves(string image) => !image.StartsWith("localhost/", StringComparison.Ordinal) && Parts(image) is { Digest: null, Tag: null or "latest" };

    private static (string Repository, string? Tag, string? Digest) Parts(string image)
    {
        var at = image.IndexOf('@', StringComparison.Ordinal);
        var (name, digest) = at < 0 ? (image, null) : (image[..at], image[(at + 1)..]);
        var colon = name.LastIndexOf(':');
        var tag = colon > name.LastIndexOf('/') ? name[(colon + 1)..] : null;
        var repository = tag is null ? name : name[..colon];
        var slash = repository.IndexOf('/', StringComparison.Ordinal);
        var hasHost = slash > 0 && (repository[..slash].AsSpan().IndexOfAny('.', ':') >= 0 || repository[..slash] == "localhost");
        return (hasHost && Host.IsMatch(repository[..slash]) ? repository[(slash + 1)..] : repository, tag, digest);
    }

    [GeneratedRegex(@"^(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?\z")]
    private static partial Regex Host { get; }

    [GeneratedRegex(@"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\z")]
    private static partial Regex Repository { get; }

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\z")]
    private static partial Regex Tag { get; }

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}\z")]
    private static partial Regex Digest { get; }
}
