using System.Diagnostics;

namespace Berth.EndToEndTests.Lab;

/// <summary>Other people's implementations of what we implement too: scripts of the folder Npm around packages that eng/test-tools installs there.</summary>
internal static class Peer
{
    private static readonly string Folder = Path.Combine(Checkout.Root, "tests", "Berth.EndToEndTests", "Npm");

    /// <summary>Runs a script with Node to its end.</summary>
    public static async Task<Said> AskAsync(string script, string[] arguments, string? input = null)
    {
        Assert.True(Directory.Exists(Path.Combine(Folder, "node_modules")), "The npm packages are missing; eng/test-tools installs them.");
        return (await RunningProgram.RunAsync(new ProcessStartInfo("node", [Path.Combine(Folder, script), .. arguments]), input: input)).Exited(0);
    }
}
