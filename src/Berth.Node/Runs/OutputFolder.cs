using System.Formats.Tar;
using Berth.Containers;

namespace Berth.Node.Runs;

/// <summary>What was copied out, and what was left behind on purpose.</summary>
internal sealed record CopiedOutput(int Files, long Bytes, IReadOnlyList<string> LeftOut);

/// <summary>
/// Copies a folder out of a container onto this machine. The container is hostile: nothing is written outside the destination,
/// through a link, or over anything that was there; devices, sockets and pipes are left out; links are made last, and only those that stay inside.
/// </summary>
internal sealed class OutputFolder(int mostFiles, long mostBytes)
{
    private const int ListedLeftOuts = 20;

    /// <summary>Unpacks the engine's tar of the path into the destination, which must not exist yet or be empty.</summary>
    /// <exception cref="EngineException">There is more than the host allows, or the stream broke off.</exception>
    /// <exception cref="IOException">The destination cannot be written.</exception>
    public async Task<CopiedOutput> UnpackAsync(Stream tar, string destination, Action<int, long> progress, CancellationToken ct)
    {
        var root = Path.GetFullPath(destination);
        Directory.CreateDirectory(root);
        var links = new List<(string Path, string Target)>();
        var leftOut = new List<string>();
        var files = 0;
        var bytes = 0L;
        await using var reader = new TarReader(tar);
        while (await reader.GetNextEntryAsync(copyData: false, ct) is { } entry)
        {
            var path = Inside(root, entry.Name, entry.EntryType);
            if (path is null || path == root)
            {
                if (path is null)
                {
                    leftOut.Add(entry.Name);
                }

                continue;
            }

            if (++files > mostFiles || (bytes += entry.Length) > mostBytes)
            {
                throw new EngineException(EngineFault.Refused, $"The output has more than {mostFiles} files or {mostBytes} bytes; the rest was not copied.");
            }

            switch (entry.EntryType)
            {
                case TarEntryType.Directory:
                    Directory.CreateDirectory(path);
                    break;
                case TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile:
                    await WriteAsync(entry, path, ct);
                    break;
                case TarEntryType.SymbolicLink when StaysInside(root, path, entry.LinkName):
                    links.Add((path, entry.LinkName));
                    break;
                case TarEntryType.HardLink when Inside(root, entry.LinkName, TarEntryType.RegularFile) is { } original && File.Exists(original):
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    File.Copy(original, path, overwrite: false);
                    break;
                default:
                    leftOut.Add(entry.Name);
                    files--;
                    break;
            }

            progress(files, bytes);
        }

        foreach (var (path, target) in links.Where(link => !Path.Exists(link.Path)))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.CreateSymbolicLink(path, target);
        }

        return new CopiedOutput(files, bytes, [.. leftOut.Take(ListedLeftOuts)]);
    }

    private static async Task WriteAsync(TarEntry entry, string path, CancellationToken ct)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
        if (entry.DataStream is { } data)
        {
            await data.CopyToAsync(file, ct);
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

    private static bool StaysInside(string root, string path, string target)
    {
        if (Path.IsPathRooted(target) || target.Contains('\0'))
        {
            return false;
        }

        var resolved = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, target));
        return resolved == root || resolved.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }
}
