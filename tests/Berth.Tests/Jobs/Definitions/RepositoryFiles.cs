namespace Berth.Tests.Jobs.Definitions;

/// <summary>Finds what lies in the checkout and, where it is there, beside it.</summary>
internal static class RepositoryFiles
{
    public static string Root { get; } = FindRoot();

    /// <summary>The folder of material shared beside the checkout; null where there is none.</summary>
    public static string? Shared { get; } = new[] { Environment.GetEnvironmentVariable("BERTH_SHARED"), Path.Combine(Root, "..", "shared") }
        .FirstOrDefault(folder => folder is not null && Directory.Exists(folder));

    public static IEnumerable<string> Examples => FilesIn(Path.Combine(Root, "examples"));

    public static IEnumerable<string> Corpus => Shared is null ? [] : FilesIn(Path.Combine(Shared, "corpus"));

    private static IEnumerable<string> FilesIn(string folder) =>
        Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Where(file => Path.GetExtension(file) is ".json" or ".yaml" or ".yml")
                .Order(StringComparer.Ordinal)
            : [];

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
