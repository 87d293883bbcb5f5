namespace Berth.Node.Resources;

/// <summary>Where a file of a resource goes. Its name was given by a server, or by whoever wrote the definition.</summary>
internal static class ResourcePath
{
    private const int LongestPart = 255;
    private const int LongestPath = 2048;

    /// <summary>The path below the folder.</summary>
    /// <exception cref="ResourceException">It would not be below it, or is no path.</exception>
    public static string Inside(string folder, string path)
    {
        var parts = path.Split('/');
        return path.Length is > 0 and <= LongestPath && !path.Contains('\0') && parts.All(part => part is not ("" or "." or "..") && System.Text.Encoding.UTF8.GetByteCount(part) <= LongestPart)
            ? Path.Combine([folder, .. parts])
            : throw new ResourceException(ResourceFault.Unusable, $"The resource has a file named '{(path.Length > 80 ? path[..80] + "…" : path)}', for which there is no place in a folder.");
    }
}
