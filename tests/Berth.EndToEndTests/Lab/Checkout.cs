using System.Reflection;

namespace Berth.EndToEndTests.Lab;

/// <summary>The checkout the tests were built in, and the program built in it.</summary>
internal static class Checkout
{
    public static string Root { get; } = FindRoot();

    /// <summary>The command line under test: <c>BERTH_CLI</c>, else the one built in the same configuration as the tests.</summary>
    public static string Program { get; } = Environment.GetEnvironmentVariable("BERTH_CLI") is { Length: > 0 } named
        ? named
        : Path.Combine(Root, "artifacts", "bin", "Berth.Cli", Configuration, "berth");

    public static string ServerProgram { get; } = Path.Combine(Root, "artifacts", "bin", "Berth.Server", Configuration, "berth-server");

    private static string Configuration =>
        typeof(Checkout).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration.ToLowerInvariant();

    public static string Example(string name) => Path.Combine(Root, "examples", name + ".json");

    /// <summary>A file that lies beside the tests' sources.</summary>
    public static string Data(string name) => Path.Combine(Root, "tests", "Berth.EndToEndTests", "Data", name);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Berth.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The tests do not run inside a checkout.");
    }
}
