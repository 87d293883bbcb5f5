using System.Formats.Tar;

namespace Berth.Node.Artefacts;

/// <summary>What was copied out, and what was left behind on purpose.</summary>
public sealed record CopiedOutput(int Files, long Bytes, IReadOnlyList<string> LeftOut);

/// <summary>
/// Copies a folder out of a container onto this machine. The container is hostile: nothing is written outside the destination,
/// through a link, or over anything that was there; a second entry of one name, devices, sockets and pipes are left out; links are made last, and only those that stay inside.
/// </summary>
internal sealed class OutputFolder(int mostFiles, long mostBytes)
{
    private const int ListedLeftOuts = 20;

    private const UnixFileMode Permissions = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Unpacks the engine's tar of the path into the destination, which must not exist yet or be empty.</summary>
    /// <exception cref="InvalidDataException">There is more than may be, or what cannot be read.</exception>
    /// <exception cref="IOException">The destination cannot be written.</exception>
    public async Task<CopiedOutput> UnpackAsync(Stream tar, string destination, Action<int, long> progress, CancellationToken ct)
    {
        var root = Path.GetFullPath(destination);
        Directory.CreateDirectory(root);
        var links = new List<(string Name, string Path, string Target)>();
        var leftOut = new List<string>();
        var entries = 0;
        var files = 0;
        var bytes = 0L;
        await using var reader = new TarReader(tar);
        while (await NextAsync(reader, ct) is { } entry)
        {
            var path = Inside(root, entry.Name, entry.EntryType);
            if (path == root)
            {
                continue;
            }

            var original = entry.EntryType == TarEntryType.HardLink ? OriginalOf(root, entry) : null;
            bytes += original?.Length ?? entry.Length;
            if (++entries > mostFiles || bytes > mostBytes)
            {
                throw new InvalidDataException($"it has more than {mostFiles} files or {mostBytes} bytes; the rest was not copied.");
            }

            switch (entry.EntryType)
            {
                case TarEntryType.Directory when path is not null && !File.Exists(path):
                    Directory.CreateDirectory(path);
                    break;
                case TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile when path is not null && !Path.Exists(path):
                    await WriteAsync(entry, path, ct);
                    files++;
                    break;
                case TarEntryType.SymbolicLink when path is not null && StaysInside(root, path, entry.LinkName):
                    links.Add((entry.Name, path, entry.LinkName));
                    files++;
                    break;
                case TarEntryType.HardLink when path is not null && original is not null && !Path.Exists(path):
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    original.CopyTo(path);
                    files++;
                    break;
                default:
                    LeaveOut(entry.Name);
                    break;
            }

            progress(files, bytes);
        }

        foreach (var (name, path, target) in links)
        {
            if (IsTaken(path) || LeadsThroughLink(root, path))
            {
                files--;
                LeaveOut(name);
                continue;
            }

            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.CreateSymbolicLink(path, target);
        }

        return new CopiedOutput(files, bytes, leftOut);

        void LeaveOut(string name)
        {
            if (leftOut.Count < ListedLeftOuts)
            {
                leftOut.Add(name);
            }
        }
    }

    // A container may give its files any time and name there is; the reader has no words of its own for the impossible ones.
    public static async Task<TarEntry?> NextAsync(TarReader reader, CancellationToken ct)
    {
        try
        {
            return await reader.GetNextEntryAsync(copyData: false, ct);
        }
        catch (Exception odd) when (odd is OverflowException or ArgumentException or FormatException or NotSupportedException or InvalidOperationException)
        {
            throw new InvalidDataException($"an entry of it cannot be read ({odd.Message})", odd);
        }
    }

    private static async Task WriteAsync(TarEntry entry, string path, CancellationToken ct)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await using (var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write))
        {
            if (entry.DataStream is { } data)
            {
                await data.CopyToAsync(file, ct);
            }
        }

        // Whose it was there says nothing here, and what its owner here may do with it is not for a container to say.
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, (entry.Mode & Permissions) | UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        if (entry.ModificationTime.Year is > 1970 and < 2200)
        {
            File.SetLastWriteTimeUtc(path, entry.ModificationTime.UtcDateTime);
        }
    }

    // The engine names every entry below the last part of the path that was asked for; that part becomes the destination itself.
    private static string? Inside(string root, string name, TarEntryType type)
    {
        var parts = name.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0 || name.Contains('\0') || parts.Any(part => part is ".." or "."))
        {
            return null;
        }

        var below = parts.Length == 1 && type != TarEntryType.Directory ? parts : parts[1..];
        return below.Length == 0 ? root : Path.Combine([root, .. below]);
    }

    private static FileInfo? OriginalOf(string root, TarEntry entry) =>
        Inside(root, entry.LinkName, TarEntryType.RegularFile) is { } original && File.Exists(original) ? new FileInfo(original) : null;

    // A link that was made before may stand where a folder on the way should be.
    private static bool LeadsThroughLink(string root, string path)
    {
        for (var folder = Path.GetDirectoryName(path)!; folder.Length > root.Length; folder = Path.GetDirectoryName(folder)!)
        {
            if (new FileInfo(folder).LinkTarget is not null)
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsTaken(string path) => Path.Exists(path) || new FileInfo(path).LinkTarget is not null;

    private static bool StaysInside(string root, string path, string target)
    {
        if (target.Length == 0 || Path.IsPathRooted(target) || target.Contains('\0'))
        {
            return false;
        }

        var resolved = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, target));
        return resolved == root || resolved.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }
}
