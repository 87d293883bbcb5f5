using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Node.Runs;

namespace Berth.Node.Resources;

/// <summary>
/// The folder of fetched resources, shared by all processes of a user. An entry is made beside, renamed when it is whole, and never changed after; it is kept while a run that has
/// not ended uses it or a market requires it, and among the others the one used longest ago goes first when room is needed.
/// </summary>
/// <remarks>
/// <code>
/// resources/
/// ├── entries/KEY/     entry.json · files/ · used, whose time says when · durable, once the disk surely has it
/// ├── partial/KEY.BOOT/ files/ that are whole · open/ what is not; of another start of the machine nobody knows what reached the disk
/// ├── locks/KEY        held by whoever fetches or removes it
/// ├── uses/KEY/RUN     the folder of a run that has it mounted
/// ├── required/NODE    keys that a node's market wants here
/// └── salt
/// </code>
/// </remarks>
public sealed class ResourceCache
{
    /// <summary>By then every system has written out what it was given.</summary>
    private static readonly TimeSpan DurableAfter = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromDays(7);
    private static readonly TimeSpan LockPace = TimeSpan.FromMilliseconds(200);

    private readonly string _folder;
    private readonly string _bootId;
    private readonly TimeProvider _time;
    private readonly Lazy<byte[]> _salt;

    public ResourceCache(string folder, TimeProvider time)
        : this(folder, time, BootIdOfMachine())
    {
    }

    internal ResourceCache(string folder, TimeProvider time, string bootId)
    {
        (_folder, _time, _bootId) = (folder, time, bootId);
        _salt = new Lazy<byte[]>(Salt);
    }

    internal string BootId => _bootId;

    internal string KeyOf(Resource resource) => ResourceKey.Of(resource, _salt.Value);

    internal string FilesUnderWay(string key) => Path.Combine(UnderWay(key), "files");

    internal string OpenUnderWay(string key) => Path.Combine(UnderWay(key), "open");

    /// <summary>Everything that is here whole, the one used last first.</summary>
    public ImmutableArray<CachedResource> List()
    {
        var entries = Path.Combine(_folder, "entries");
        return !Directory.Exists(entries)
            ? []
            : [.. Directory.EnumerateDirectories(entries).Select(path => Find(Path.GetFileName(path))).OfType<CachedResource>().OrderByDescending(entry => entry.UsedAt)];
    }

    /// <summary>Bytes of the entry; null when it is not here, or nobody knows whether it reached the disk before the machine last went down.</summary>
    internal CachedResource? Find(string key)
    {
        var entry = EntryOf(key);
        try
        {
            var facts = JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(entry, "entry.json")), CachedResourceJson.Default.CachedResource)!;
            var isSure = facts.BootId == _bootId || File.Exists(Path.Combine(entry, "durable"));
            var used = new FileInfo(Path.Combine(entry, "used"));
            return !isSure ? null : facts with { Key = key, Files = Path.Combine(entry, "files"), UsedAt = used.Exists ? used.LastWriteTimeUtc : facts.FetchedAt };
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>The version of the resource that was fetched last.</summary>
    internal CachedResource? FindNewest(string resource) => List().Where(entry => entry.Resource == resource).MaxBy(entry => entry.FetchedAt);

    /// <summary>Holds the key against every other process and thread, waiting for as long as another does.</summary>
    internal async Task<IDisposable> LockAsync(string key, Action waiting, CancellationToken ct)
    {
        for (var hasSaid = false; ; hasSaid = true)
        {
            if (TryLock(key) is { } held)
            {
                return held;
            }

            if (!hasSaid)
            {
                waiting();
            }

            await Task.Delay(LockPace, _time, ct);
        }
    }

    /// <summary>Notes that the run has the entry mounted, until the run has ended. Call it with the key held.</summary>
    internal void Use(CachedResource entry, RunFolder? run)
    {
        var used = Path.Combine(EntryOf(entry.Key), "used");
        using (File.Open(used, FileMode.OpenOrCreate))
        {
        }

        File.SetLastWriteTimeUtc(used, _time.GetUtcNow().UtcDateTime);
        if (run is not null)
        {
            var uses = Directory.CreateDirectory(UsesOf(entry.Key)).FullName;
            File.WriteAllText(Path.Combine(uses, run.Run.Value), run.Path);
        }
    }

    /// <summary>Gives a resource that has been fetched its name. Call it with the key held.</summary>
    internal CachedResource Keep(string key, string resource, Resource asked)
    {
        var partial = UnderWay(key);
        var files = Directory.CreateDirectory(FilesUnderWay(key));
        if (Directory.Exists(OpenUnderWay(key)))
        {
            Directory.Delete(OpenUnderWay(key), recursive: true);
        }

        OpenToReaders(files);
        var all = FolderTree.Below(files).OfType<FileInfo>().Where(file => file.LinkTarget is null).Select(file => file.Length).ToArray();
        var facts = new CachedResource
        {
            Resource = resource,
            Type = asked.Type,
            Name = ResourceName.Of(asked),
            Bytes = all.Sum(),
            FileCount = all.Length,
            FetchedAt = _time.GetUtcNow(),
            BootId = _bootId,
        };
        File.WriteAllBytes(Path.Combine(partial, "entry.json"), JsonSerializer.SerializeToUtf8Bytes(facts, CachedResourceJson.Default.CachedResource));
        Directory.CreateDirectory(Path.Combine(_folder, "entries"));
        if (Directory.Exists(EntryOf(key)))
        {
            Remove(key);
        }

        Directory.Move(partial, EntryOf(key));
        return Find(key) ?? throw new ResourceException(ResourceFault.Unusable, $"What was fetched of {facts.Name} is gone again; somebody works on {_folder}.");
    }

    /// <summary>Says which entries a node's market wants to be kept; the last word counts.</summary>
    public void Require(string node, IEnumerable<string> keys)
    {
        var required = MakeFolder("required");
        File.WriteAllLines(Path.Combine(required, node), keys);
    }

    /// <summary>
    /// Removes entries until so many more bytes fit under the limit and onto the disk, and what nobody went on with for a week. Each removal is told.
    /// </summary>
    /// <returns>Whether they fit now.</returns>
    public bool MakeRoom(long bytes, long mostBytes, long spareDisk, Action<CachedResource>? tell = null)
    {
        Settle();
        var kept = List();
        var total = kept.Sum(entry => entry.Bytes);
        foreach (var entry in kept.OrderBy(entry => entry.UsedAt))
        {
            if (total + bytes <= mostBytes && Disk.Free(_folder) >= bytes + spareDisk)
            {
                break;
            }

            if (TryRemove(entry))
            {
                total -= entry.Bytes;
                tell?.Invoke(entry);
            }
        }

        return total + bytes <= mostBytes && Disk.Free(_folder) >= bytes + spareDisk;
    }

    /// <summary>Removes the entry unless somebody uses or requires it.</summary>
    public bool TryRemove(CachedResource entry)
    {
        using var held = TryLock(entry.Key);
        if (held is null || IsInUse(entry.Key) || IsRequired(entry.Key))
        {
            return false;
        }

        Remove(entry.Key);
        return true;
    }

    /// <summary>Whether a run that has not ended has it mounted.</summary>
    public bool IsInUse(string key)
    {
        var uses = UsesOf(key);
        if (!Directory.Exists(uses))
        {
            return false;
        }

        foreach (var use in Directory.EnumerateFiles(uses))
        {
            var journal = Path.Combine(File.ReadAllText(use), "journal.ndjson");
            if (File.Exists(journal) && !RunState.Of(RunJournal.Read(journal)).IsEnded)
            {
                return true;
            }

            File.Delete(use);
        }

        return false;
    }

    /// <summary>Whether the market of a node here wants it kept.</summary>
    public bool IsRequired(string key)
    {
        var required = Path.Combine(_folder, "required");
        return Directory.Exists(required) && Directory.EnumerateFiles(required).Any(list => File.ReadLines(list).Contains(key));
    }

    // What lies here for a while in one start of the machine is on the disk, without our having waited for that; what nobody goes on fetching goes.
    private void Settle()
    {
        MakeFolder("entries");
        foreach (var entry in List().Where(entry => entry.BootId == _bootId && _time.GetUtcNow() - entry.FetchedAt > DurableAfter))
        {
            using (File.Open(Path.Combine(EntryOf(entry.Key), "durable"), FileMode.OpenOrCreate))
            {
            }
        }

        foreach (var partial in Directory.EnumerateDirectories(MakeFolder("partial")).Where(partial => _time.GetUtcNow().UtcDateTime - Directory.GetLastWriteTimeUtc(partial) > ForgottenAfter))
        {
            using var held = TryLock(Path.GetFileName(partial).Split('.')[0]);
            if (held is not null)
            {
                Directory.Delete(partial, recursive: true);
            }
        }
    }

    private void Remove(string key)
    {
        var gone = Path.Combine(MakeFolder("partial"), $"{key}.gone");
        if (Directory.Exists(gone))
        {
            Directory.Delete(gone, recursive: true);
        }

        Directory.Move(EntryOf(key), gone);
        Directory.Delete(gone, recursive: true);
    }

    private FileStream? TryLock(string key)
    {
        var path = Path.Combine(MakeFolder("locks"), key);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    // Containers run as whatever user their image names.
    private static void OpenToReaders(DirectoryInfo folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        const UnixFileMode Enterable = Readable | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        folder.UnixFileMode = Enterable;
        foreach (var thing in FolderTree.Below(folder).Where(thing => thing.LinkTarget is null))
        {
            var mode = thing is DirectoryInfo || thing.UnixFileMode.HasFlag(UnixFileMode.UserExecute) ? Enterable : Readable;
            if (thing.UnixFileMode != mode)
            {
                thing.UnixFileMode = mode;
            }
        }
    }

    private byte[] Salt()
    {
        var path = Path.Combine(MakeFolder(""), "salt");
        if (File.Exists(path) && File.ReadAllBytes(path) is { Length: 32 } known)
        {
            return known;
        }

        var beside = $"{path}.{Guid.NewGuid():N}";
        File.WriteAllBytes(beside, RandomNumberGenerator.GetBytes(32));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(beside, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        try
        {
            File.Move(beside, path);
        }
        catch (IOException) when (File.Exists(path))
        {
            // Another process was first.
            File.Delete(beside);
        }

        return File.ReadAllBytes(path);
    }

    private string UnderWay(string key) => Path.Combine(_folder, "partial", $"{key}.{(_bootId.Length > 8 ? _bootId[..8] : _bootId)}");

    private string EntryOf(string key) => Path.Combine(_folder, "entries", key);

    private string UsesOf(string key) => Path.Combine(_folder, "uses", key);

    private string MakeFolder(string name)
    {
        if (OperatingSystem.IsWindows())
        {
            return Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        }

        Directory.CreateDirectory(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
    }

    private static string BootIdOfMachine()
    {
        const string Boot = "/proc/sys/kernel/random/boot_id";
        return File.Exists(Boot) ? File.ReadAllText(Boot).Trim() : "unknown";
    }
}
