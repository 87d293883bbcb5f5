using System.Formats.Tar;
using Berth.Node.Resources;

namespace Berth.Node.Runs;

/// <summary>A run's own copy of a resource, as a tar for the engine.</summary>
internal static class ResourceCopy
{
    // Whatever user the image names; nobody else has the copy.
    private const UnixFileMode AnybodyMayWrite = (UnixFileMode)0b111_111_111;

    public static async Task PackAsync(string folder, Stream stream, CancellationToken ct)
    {
        await using var tar = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true);
        foreach (var thing in FolderTree.Below(new DirectoryInfo(folder)))
        {
            var name = Path.GetRelativePath(folder, thing.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (thing.LinkTarget is { } target)
            {
                await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.SymbolicLink, name) { LinkName = target }, ct);
            }
            else if (thing is FileInfo file)
            {
                await using var content = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
                await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = content, Mode = AnybodyMayWrite }, ct);
            }
            else
            {
                await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.Directory, name + "/") { Mode = AnybodyMayWrite }, ct);
            }
        }
    }
}
