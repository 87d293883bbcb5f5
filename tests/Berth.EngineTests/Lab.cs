using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Berth.EngineTests;

/// <summary>Calls the house's scripts (<c>eng/</c>) that make engines and registries to break.</summary>
internal static class Lab
{
    private static string Home { get; } = Environment.GetEnvironmentVariable("BERTH_LAB") is { Length: > 0 } home ? home : "/tmp/berth-lab";

    public static string Root { get; } = FindRoot();

    /// <summary>A folder of the lab, for a script that wants one.</summary>
    public static string Folder(string name) => Path.Combine(Home, name);

    /// <summary>Runs a script and gives what it printed as <c>key=value</c>.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> RunAsync(
        string script, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(Path.Combine(Root, "eng", script), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[key] = value;
        }

        using var process = Process.Start(start) ?? throw new InvalidOperationException($"eng/{script} did not start.");
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? (await output).Split('\n').Where(line => line.Contains('=')).ToDictionary(line => line[..line.IndexOf('=')], line => line[(line.IndexOf('=') + 1)..])
            : throw new InvalidOperationException($"eng/{script} {string.Join(' ', arguments)} ended with {process.ExitCode}: {await error}");
    }

    private static string FindRoot([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file) ?? ".", "..", ".."));
}
