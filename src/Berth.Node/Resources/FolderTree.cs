namespace Berth.Node.Resources;

/// <summary>What is below a folder whose content a stranger made: a link is a thing of its own, never a way to elsewhere.</summary>
internal static class FolderTree
{
    private static readonly EnumerationOptions All = new() { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false };

    /// <summary>Everything below it, each folder before what is in it, in the order of names.</summary>
    public static IEnumerable<FileSystemInfo> Below(DirectoryInfo folder)
    {
        foreach (var thing in folder.EnumerateFileSystemInfos("*", All).OrderBy(thing => thing.Name, StringComparer.Ordinal))
        {
            yield return thing;
            if (thing is not DirectoryInfo { LinkTarget: null } inner)
            {
                continue;
            }

            foreach (var below in Below(inner))
            {
                yield return below;
            }
        }
    }
}
