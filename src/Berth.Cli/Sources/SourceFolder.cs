using System.Formats.Tar;
using Berth.Protocol;

namespace Berth.Cli.Sources;

/// <summary>A file or link of a folder that goes along, with its path from the folder on.</summary>
internal sealed record SourceFile(string Path, FileInfo File)
{
    /// <summary>Where it leads, when it is a link.</summary>
    public string? LinkTarget => File.LinkTarget;

    public long Size => LinkTarget is null ? File.Length : 0;

    // Who may do what here says nothing there: everybody may read, and what is a program stays one.
    public UnixFileMode Mode => !OperatingSystem.IsWindows() && LinkTarget is null && File.UnixFileMode.HasFlag(UnixFileMode.UserExecute) ? Readable | Runnable : Readable;

    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode Runnable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
}

/// <summary>A folder of this machine that a job is posted with: its files but those that <c>.gitignore</c> and <c>.berthignore</c> leave out, and what belongs to Git itself.</summary>
internal sealed class SourceFolder
{
    private static readonly string[] RuleFiles = [".gitignore", ".berthignore"];

    private SourceFolder(string path, IReadOnlyList<SourceFile> files)
    {
        Path = path;
        Files = files;
    }

    public string Path { get; }

    /// <summary>In the order of their paths.</summary>
    public IReadOnlyList<SourceFile> Files { get; }

    public long Bytes => Files.Sum(file => file.Size);

    /// <summary>Looks through the folder.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static SourceFolder Read(string path)
    {
        var files = new List<SourceFile>();
        Collect(new DirectoryInfo(path), [], [], files);
        return new SourceFolder(path, [.. files.OrderBy(file => file.Path, StringComparer.Ordinal)]);
    }

    /// <summary>The id of sending just this: the same files, as they are now, by the same sender.</summary>
    public UploadId IdFor(string sender) => UploadId.Of(
        ["source", sender, .. Files.Select(file => $"{file.Path}\0{file.Size}\0{file.File.LastWriteTimeUtc.Ticks}\0{(int)file.Mode}\0{file.LinkTarget}")]);

    /// <summary>The folders at the top that weigh most, in words.</summary>
    public IEnumerable<(string Name, long Bytes)> Heaviest(int most) =>
        Files.GroupBy(file => file.Path.Split('/') is [var folder, _, ..] ? folder + "/" : file.Path).Select(group => (group.Key, group.Sum(file => file.Size))).OrderByDescending(one => one.Item2).Take(most);

    /// <summary>Writes the folder as a tar that is the same whenever the files are.</summary>
    /// <exception cref="IOException">A file cannot be read, or changed meanwhile.</exception>
    public async Task PackAsync(Stream destination, Action<long> progress, CancellationToken ct)
    {
        await using var tar = new TarWriter(destination, TarEntryFormat.Pax, leaveOpen: true);
        var done = 0L;
        foreach (var file in Files)
        {
            var entry = new PaxTarEntry(file.LinkTarget is null ? TarEntryType.RegularFile : TarEntryType.SymbolicLink, $"source/{file.Path}")
            {
                Mode = file.Mode,
                ModificationTime = new DateTimeOffset(file.File.LastWriteTimeUtc.Ticks / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond, TimeSpan.Zero),
            };
            if (file.LinkTarget is { } target)
            {
                entry.LinkName = target;
                await tar.WriteEntryAsync(entry, ct);
                continue;
            }

            await using var content = new FileStream(file.File.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 16, FileOptions.Asynchronous);
            entry.DataStream = content;
            await tar.WriteEntryAsync(entry, ct);
            progress(done += file.Size);
        }
    }

    private static void Collect(DirectoryInfo folder, List<string> path, List<(int Depth, IgnoreRules Rules)> rules, List<SourceFile> files)
    {
        var before = rules.Count;
        foreach (var name in RuleFiles.Select(name => System.IO.Path.Combine(folder.FullName, name)).Where(File.Exists))
        {
            rules.Add((path.Count, IgnoreRules.Read(File.ReadLines(name))));
        }

        foreach (var entry in folder.EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            path.Add(entry.Name);
            var isFolder = entry is DirectoryInfo && entry.LinkTarget is null;
            if (entry.Name != ".git" && !IsIgnored(path, isFolder, rules))
            {
                if (isFolder)
                {
                    Collect((DirectoryInfo)entry, path, rules, files);
                }
                else if (entry.LinkTarget is not null || FileKind.IsRegular(entry.FullName))
                {
                    files.Add(new SourceFile(string.Join('/', path), new FileInfo(entry.FullName)));
                }
            }

            path.RemoveAt(path.Count - 1);
        }

        rules.RemoveRange(before, rules.Count - before);
    }

    // The nearest file of rules that says anything counts; within a folder .berthignore has the last word.
    private static bool IsIgnored(List<string> path, bool isFolder, List<(int Depth, IgnoreRules Rules)> rules)
    {
        for (var index = rules.Count - 1; index >= 0; index--)
        {
            if (rules[index].Rules.Ignores([.. path[rules[index].Depth..]], isFolder) is { } answer)
            {
                return answer;
            }
        }

        return false;
    }
}
