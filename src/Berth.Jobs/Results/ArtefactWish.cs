using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Results;

/// <summary>
/// A folder or file of an operation that its owner wants to have when the operation has ended, besides its <c>output</c>. Written as <c>NAME=PATH</c>, or <c>OP:NAME=PATH</c> where
/// a job has several containers.
/// </summary>
public sealed record ArtefactWish(string Name, string Path, OperationId? Operation = null)
{
    /// <summary>What the artefact is called that a definition's <c>output</c> makes.</summary>
    public const string Output = "output";

    private const int LongestName = 64;
    private const int LongestPath = 4096;

    /// <summary>Why there can be no such artefact, as a sentence; null when there can.</summary>
    [JsonIgnore]
    public string? Fault =>
        Name.Length is 0 or > LongestName || !Name.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.') || Name.Trim('.').Length == 0
            ? $"The name of an artefact is at most {LongestName} letters, digits, dots, dashes and underscores, not '{Name}'."
            : Name == Output ? $"'{Output}' is what a definition's own output is called; give the artefact another name."
            : !Path.StartsWith('/') || Path.Length > LongestPath || Path.Contains('\0') || Path.Split('/').Contains("..") || Path.Trim('/').Length == 0
            ? $"The path of an artefact is a folder or file in the container and begins with '/', not '{Path}'."
            : null;

    /// <summary>Reads <c>NAME=PATH</c> or <c>OP:NAME=PATH</c>; false when it is neither.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ArtefactWish? wish)
    {
        wish = null;
        if (text.IndexOf('=', StringComparison.Ordinal) is not (var equals and > 0))
        {
            return false;
        }

        var (left, path) = (text[..equals], text[(equals + 1)..]);
        var colon = left.LastIndexOf(':');
        wish = new ArtefactWish(left[(colon + 1)..], path, colon > 0 ? new OperationId(left[..colon]) : null);
        return true;
    }

    /// <summary>Why the definition has no such artefact to give, as a sentence; null when it has.</summary>
    public string? FaultIn(JobDefinition definition)
    {
        var containers = definition.Operations.OfType<RunContainer>().Select(container => container.Id).ToList();
        return Operation is not { } named
            ? containers.Count == 1 ? null : $"The job has {containers.Count} containers; say whose artefact it is: {containers.FirstOrDefault()}:{Name}={Path}."
            : containers.Contains(named) ? null : $"The job has no container '{named}' whose artefact '{Name}' could be; it has {string.Join(", ", containers)}.";
    }

    /// <summary>It is the operation's.</summary>
    public bool IsOf(OperationId operation) => Operation is null || Operation == operation;

    public override string ToString() => $"{(Operation is { } operation ? $"{operation}:" : "")}{Name}={Path}";
}
