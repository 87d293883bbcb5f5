using System.Diagnostics;

namespace Berth.EndToEndTests.Lab;

/// <summary>
/// The short folder that pretend machines and registries live in: <c>BERTH_LAB</c> when somebody sweeps it, else one of our own that is swept at
/// the end of the tests.
/// </summary>
public sealed class LabFolder : IAsyncDisposable
{
    private static readonly string? Given = Environment.GetEnvironmentVariable("BERTH_LAB") is { Length: > 0 } named ? named : null;
    private static int _made;

    internal static string Path { get; } = Given ?? Directory.CreateTempSubdirectory("lab.").FullName;

    public async ValueTask DisposeAsync()
    {
        if (Given is null)
        {
            await RunAsync("sweep", [Path]);
        }
    }

    /// <summary>A name no other pretend thing of these tests has.</summary>
    internal static string NewName(string kind) => $"{kind}{Interlocked.Increment(ref _made)}";

    /// <summary>Runs a script of <c>eng/lab</c>; what it printed as <c>name=value</c>.</summary>
    internal static async Task<IReadOnlyDictionary<string, string>> RunAsync(string script, string[] arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(System.IO.Path.Combine(Checkout.Root, "eng", "lab", script), arguments);
        start.Environment["BERTH_LAB"] = Path;
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var said = (await RunningProgram.RunAsync(start, TimeSpan.FromSeconds(90))).Exited(0);
        return said.Lines.Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
    }
}
