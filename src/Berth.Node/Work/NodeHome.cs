using Berth.Protocol.Identity;

namespace Berth.Node.Work;

/// <summary>The folder that a node keeps its runs in, one for each key under a user's state directory. The process that is the node holds its <c>lock</c>.</summary>
public sealed class NodeHome
{
    private const string Prefix = "node-";

    private NodeHome(Address node, string path) => (Node, Path) = (node, path);

    public Address Node { get; }

    public string Path { get; }

    /// <summary>Where the node can be spoken to from this machine.</summary>
    public string Socket => System.IO.Path.Combine(Path, "node.sock");

    /// <summary>The home of the node; nothing is made yet.</summary>
    public static NodeHome Of(string stateDirectory, Address node) => new(node, System.IO.Path.Combine(stateDirectory, Prefix + node));

    /// <summary>Every node that was ever started under the state directory.</summary>
    public static IEnumerable<NodeHome> All(string stateDirectory) => !Directory.Exists(stateDirectory)
        ? []
        : from path in Directory.EnumerateDirectories(stateDirectory, Prefix + "*")
          where Address.TryParse(System.IO.Path.GetFileName(path)[Prefix.Length..], null, out _)
          select new NodeHome(new Address(System.IO.Path.GetFileName(path)[Prefix.Length..]), path);

    /// <summary>Makes the folder, its owner's only, and takes its lock; null when a live process holds it.</summary>
    public IDisposable? TryOwn()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(Path);
        }
        else
        {
            Directory.CreateDirectory(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var path = System.IO.Path.Combine(Path, "lock");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }
}
