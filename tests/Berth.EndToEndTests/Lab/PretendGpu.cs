namespace Berth.EndToEndTests.Lab;

/// <summary>A pretend NVIDIA driver: a hook for engines and a <c>nvidia-smi</c> for the machine.</summary>
internal sealed class PretendGpu : IAsyncDisposable
{
    private readonly string _folder;
    private readonly string _log;

    private PretendGpu(string folder, string path, string log)
    {
        _folder = folder;
        Path = path;
        _log = log;
    }

    /// <summary>The folder to put before <c>PATH</c>, of an engine or of Berth.</summary>
    public string Path { get; }

    /// <summary>A line for every container that was given GPUs.</summary>
    public string[] Calls => File.Exists(_log) ? File.ReadAllLines(_log) : [];

    public static async Task<PretendGpu> MakeAsync(int cards = 2)
    {
        var folder = System.IO.Path.Combine(LabFolder.Path, LabFolder.NewName("gpu"));
        var made = await LabFolder.RunAsync("gpu", ["up", folder, $"{cards}"]);
        return new PretendGpu(folder, made["path"], made["log"]);
    }

    public Task BreakHookAsync() => LabFolder.RunAsync("gpu", ["break", _folder]);

    public async ValueTask DisposeAsync() => await LabFolder.RunAsync("gpu", ["down", _folder]);
}
