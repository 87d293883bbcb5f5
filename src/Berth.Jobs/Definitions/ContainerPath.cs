namespace Berth.Jobs.Definitions;

/// <summary>Says what is wrong with a path inside a container.</summary>
internal static class ContainerPath
{
    public static string? Fault(string path, bool rootAllowed = false) =>
        !path.StartsWith('/') ? "A path in the container must begin with '/'."
        : path.Split('/').Contains("..") ? "A path in the container must not have '..' in it."
        : !rootAllowed && path.Split('/').All(part => part is "" or ".") ? "The root of the container cannot be used here; name a folder."
        : null;
}
