namespace Berth.EndToEndTests.Lab;

/// <summary>What a command prints, kept in a file to compare with; <c>BERTH_ACCEPT=1</c> writes the files anew.</summary>
internal static class Golden
{
    private static readonly bool Accepts = Environment.GetEnvironmentVariable("BERTH_ACCEPT") == "1";

    public static void Is(string name, string printed)
    {
        var path = Checkout.Data(Path.Combine("golden", name + ".txt"));
        if (Accepts)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, printed);
        }

        Assert.True(File.Exists(path), $"There is no golden file {name}; BERTH_ACCEPT=1 writes it.");
        Assert.Equal(File.ReadAllText(path), printed);
    }
}
