namespace Berth.EndToEndTests.Lab;

/// <summary>A PostgreSQL server of the test's own, which it may stop and kill.</summary>
internal sealed class PrivatePostgres : IAsyncDisposable
{
    private readonly string _folder;

    private PrivatePostgres(string folder, string address) => (_folder, Address) = (folder, address);

    /// <summary>As <c>--database</c> takes it.</summary>
    public string Address { get; }

    public static async Task<PrivatePostgres> StartAsync()
    {
        // The server is not root's and has to get to its folder.
        File.SetUnixFileMode(LabFolder.Path, File.GetUnixFileMode(LabFolder.Path) | UnixFileMode.OtherExecute);
        var folder = System.IO.Path.Combine(LabFolder.Path, LabFolder.NewName("pg"));
        var made = await LabFolder.RunAsync("postgres", ["up", folder, $"{LocalNetwork.FreePort()}"]);
        return new PrivatePostgres(folder, made["connection"]);
    }

    public async ValueTask DisposeAsync() => await LabFolder.RunAsync("postgres", ["down", _folder]);
}
