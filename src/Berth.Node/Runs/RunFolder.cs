using Berth.Jobs;
using Berth.Protocol.Sealing;

namespace Berth.Node.Runs;

/// <summary>
/// The folder of one run: <c>journal.ndjson</c>, <c>request.json</c> or, of a market's, <c>lease.json</c>, <c>result.json</c>, <c>logs/</c>. The process that works on the run
/// holds <c>lock</c>; the kernel lets go of it when that process dies, however it dies.
/// </summary>
public sealed class RunFolder
{
    private RunFolder(RunId run, string path)
    {
        Run = run;
        Path = path;
    }

    public RunId Run { get; }

    public string Path { get; }

    /// <summary>What of the run is written here is sealed with this: its job is confidential. Set as soon as the key is known, before anything is written.</summary>
    public RunSeal? Seal { get; set; }

    public string Journal => System.IO.Path.Combine(Path, "journal.ndjson");

    public string Request => System.IO.Path.Combine(Path, "request.json");

    public string Lease => System.IO.Path.Combine(Path, "lease.json");

    public string Result => System.IO.Path.Combine(Path, "result.json");

    /// <summary>The full log of the operation at that place in the definition.</summary>
    public string Log(int operationIndex) => System.IO.Path.Combine(Path, "logs", $"{operationIndex}.log");

    /// <summary>How the lines of that log are sealed; null when they are not.</summary>
    public LineSeal? LogSeal(int operationIndex) => Seal is { } seal ? new LineSeal(seal.Files, $"log {operationIndex}") : null;

    /// <summary>The folder of a run under the node's state directory; nothing is made yet.</summary>
    public static RunFolder Of(string stateDirectory, RunId run) =>
        new(run, System.IO.Path.Combine(stateDirectory, "runs", run.Value));

    /// <summary>Every run that has a folder under the state directory.</summary>
    public static IEnumerable<RunFolder> All(string stateDirectory)
    {
        var runs = System.IO.Path.Combine(stateDirectory, "runs");
        return !Directory.Exists(runs)
            ? []
            : Directory.EnumerateDirectories(runs)
                .Where(path => RunId.TryParse(System.IO.Path.GetFileName(path), null, out _))
                .Select(path => new RunFolder(RunId.Parse(System.IO.Path.GetFileName(path), null), path));
    }

    /// <summary>Makes the folder, readable by its owner only, and takes its lock; null when another live process holds it.</summary>
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

        Directory.CreateDirectory(System.IO.Path.Combine(Path, "logs"));
        try
        {
            return new FileStream(System.IO.Path.Combine(Path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException) when (File.Exists(System.IO.Path.Combine(Path, "lock")))
        {
            return null;
        }
    }
}
