namespace Berth.EndToEndTests.Lab;

/// <summary>A control group with little memory, for an engine to put all its containers into.</summary>
internal sealed class SmallMemory : IDisposable
{
    private readonly string _folder;

    private SmallMemory(string folder) => _folder = folder;

    public static SmallMemory Make(string name, long bytes)
    {
        var isFirstVersion = Directory.Exists("/sys/fs/cgroup/memory");
        var folder = Path.Combine(isFirstVersion ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup", name);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, isFirstVersion ? "memory.limit_in_bytes" : "memory.max"), $"{bytes}");
        return new SmallMemory(folder);
    }

    public void Dispose()
    {
        // Groups of control are removed like empty folders, the innermost first; one that is still in use stays.
        foreach (var folder in Directory.EnumerateDirectories(_folder, "*", SearchOption.AllDirectories).OrderByDescending(path => path.Length).Append(_folder))
        {
            try
            {
                Directory.Delete(folder);
            }
            catch (IOException)
            {
                return;
            }
        }
    }
}
