using System.Diagnostics;
using System.Runtime.CompilerServices;
using Berth.Containers;

namespace Berth.EngineTests;

/// <summary>The real engines of the tests. Podman is started by the house's own script unless <c>BERTH_TEST_PODMAN</c> names its socket.</summary>
internal static class Engines
{
    private static readonly Lazy<Task<EngineAddress>> Podman = new(FindPodmanAsync);

    public static EngineAddress Docker { get; } = EngineAddress.Find(Environment.GetEnvironmentVariable);

    public static Task<EngineAddress> PodmanAsync(CancellationToken ct) => Podman.Value.WaitAsync(ct);

    private static async Task<EngineAddress> FindPodmanAsync()
    {
        if (Environment.GetEnvironmentVariable("BERTH_TEST_PODMAN") is { Length: > 0 } socket)
        {
            return EngineAddress.Parse(socket);
        }

        using var script = Process.Start(new ProcessStartInfo(Path.Combine(Root(), "eng", "podman")) { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException("eng/podman did not start.");
        var printed = await script.StandardOutput.ReadToEndAsync();
        await script.WaitForExitAsync();
        return EngineAddress.Parse(printed.Trim().Split('\n')[^1]);
    }

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file) ?? ".", "..", ".."));
}
