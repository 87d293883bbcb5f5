using Berth.Jobs.Definitions;

namespace Berth.Node.Resources;

/// <summary>What a resource is called before people: where it is from, without anything secret.</summary>
public static class ResourceName
{
    private const int Longest = 160;

    public static string Of(Resource resource)
    {
        var name = resource switch
        {
            { Type: "HF", Repo: { } repo } => $"{repo}{(resource.Revision is { Length: > 0 } revision ? $"@{revision}" : "")}",
            { Type: "Ollama", Model: { } model } => model,
            { Bucket: { } bucket, Url: null } => Shown(bucket),
            { Bucket: { } bucket, Url: { } url } => $"{Shown(url).TrimEnd('/')}/{Shown(bucket)}",
            { Url: { } url } => Shown(url),
            { Buckets: [var first, ..] } => $"{Shown(first.Url)}{(resource.Buckets.Length > 1 ? $" and {resource.Buckets.Length - 1} more" : "")}",
            _ => resource.Type,
        };
        return name.Length > Longest ? name[..Longest] + "…" : name;
    }

    private static string Shown(string url) => Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Authority.Length > 0
        ? $"{address.Scheme}://{address.Authority}{address.AbsolutePath}"
        : url.Split('?', '#')[0];
}
