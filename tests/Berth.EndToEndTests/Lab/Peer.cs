using System.Diagnostics;

namespace Berth.EndToEndTests.Lab;

/// <summary>Other people's implementations of what we implement too: scripts of the folder Npm around packages that eng/test-tools installs there.</summary>
internal static class Peer
{
    private static readonly string Folder = Path.Combine(Checkout.Root, "tests", "Berth.EndToEndTests", "Npm");

    /// <summary>Runs a script with Node to its end.</summary>
    public static async Task<Said> AskAsync(string script, string[] arguments, string? input = null) =>
        (await RunningProgram.RunAsync(Command(script, arguments), input: input)).Exited(0);

    /// <summary>Starts a script that goes on until it is put away.</summary>
    public static RunningProgram Start(string script, params string[] arguments) => RunningProgram.Start(Command(script, arguments));

    private static ProcessStartInfo Command(string script, string[] arguments)
    {
        Assert.True(Directory.Exists(Path.Combine(Folder, "node_modules")), "The npm packages are missing; eng/test-tools installs them.");
        return new ProcessStartInfo("node", [Path.Combine(Folder, script), .. arguments]);
    }
}
