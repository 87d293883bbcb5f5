using System.Diagnostics;
using System.Formats.Tar;
using System.Text;
using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>
/// The two operations that the language's own page shows, byte for byte with their comment. The images it names come from a mirror of the
/// public registry that has stand-ins for them, the GPU is pretend; the scripts are what is tested.
/// </summary>
public sealed class DocumentTests
{
    // Busybox's own shell would take its own wget; the shell of this machine looks for one.
    private const string Whisper = """
        FROM berth/busybox:1
        COPY lib/ /
        COPY wget python /usr/local/bin/
        RUN ln -sf shell /usr/bin/sh
        """;

    [Fact]
    public async Task The_documents_own_example_runs_both_scripts_whole()
    {
        await using var mirror = await LocalRegistry.StartAsync();
        await using var gpu = await PretendGpu.MakeAsync();
        await using var machine = await PretendMachine.StartAsync(settings: $"\"registry-mirrors\": [\"http://{mirror.Address}\"]", enginePath: gpu.Path);
        await machine.Engine.PushAsync(Definition.Busybox, $"{mirror.Address}/library/ubuntu", "latest");
        await BuildAsync(machine.Engine, "whisper:1");
        await machine.Engine.PushAsync("whisper:1", $"{mirror.Address}/nosana/whisper", "cuda-check");
        await using var desk = new Desk(machine.Engine, path: gpu.Path);

        var said = (await desk.BerthAsync("run", Checkout.Data("two-operations.json"), "--result", "result.json")).Exited(0);

        Assert.Contains("pulled ubuntu", said.Error, StringComparison.Ordinal);
        Assert.Contains("pulled docker.io/nosana/whisper:cuda-check", said.Error, StringComparison.Ordinal);
        Assert.Contains(desk.Log(0), line => line.Contains("NVIDIA-SMI 550.54.15", StringComparison.Ordinal));
        Assert.Contains("flags", desk.Log(0)[^1], StringComparison.Ordinal);
        Assert.Equal(
            [
                "heard QmPKP7hjBd1Yyt6CmVpggNCgn9x5oXD1ok27HQvmPiFyew with -p audio.mp3",
                "heard QmUFXcvn3KZNvQmND9SCtDnzsU4NzL6awwYTiCkTkdFNTd with -p audio.mp3",
            ],
            desk.Log(1));
        Assert.Equal(["success", "success"], desk.Result().GetProperty("opStates").EnumerateArray().Select(operation => operation.GetProperty("status").GetString()));
        Assert.Equal(2, gpu.Calls.Length);
    }

    private static async Task BuildAsync(Engine engine, string tag)
    {
        using var context = new MemoryStream();
        await using (var tar = new TarWriter(context, leaveOpen: true))
        {
            Add(tar, "Dockerfile", Whisper);
            await AddShellAsync(tar);
            Add(tar, "wget", "#!/bin/sh\necho \"${2##*/}\" >\"$4\"\n");
            Add(tar, "python", "#!/bin/sh\nshift\necho \"heard $(cat \"$2\") with $*\"\n");
        }

        using var body = new ByteArrayContent(context.ToArray());
        body.Headers.ContentType = new("application/x-tar");
        await engine.PostAsync($"build?t={tag}", body);
    }

    private static async Task AddShellAsync(TarWriter tar)
    {
        var needs = (await RunningProgram.RunAsync(new ProcessStartInfo("ldd", ["/bin/dash"]))).Exited(0);
        var libraries = needs.Output.Split([' ', '\t', '\n']).Where(word => word.StartsWith('/'));
        foreach (var library in libraries)
        {
            Add(tar, $"lib/usr/{library.TrimStart('/').Replace("usr/", "", StringComparison.Ordinal)}", await File.ReadAllBytesAsync(library));
        }

        Add(tar, "lib/usr/bin/shell", await File.ReadAllBytesAsync("/bin/dash"));
    }

    private static void Add(TarWriter tar, string name, string text) => Add(tar, name, Encoding.UTF8.GetBytes(text));

    private static void Add(TarWriter tar, string name, byte[] bytes) => tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name)
    {
        DataStream = new MemoryStream(bytes),
        Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.OtherRead | UnixFileMode.OtherExecute,
    });
}
