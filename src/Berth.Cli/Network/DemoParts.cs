using System.Diagnostics;
using System.Runtime.InteropServices;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Cli.Network;

/// <summary>The processes of a demo, what they say in files of a folder, and their end: in reverse, each told to end and given time, and the folder goes.</summary>
internal sealed partial class DemoParts(Surroundings around, string folder) : IAsyncDisposable
{
    private const int Terminate = 15;
    private const int LinesToTell = 15;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private readonly Stack<(string Name, Process Process, Task Said)> _parts = [];

    /// <summary>Starts a part; what it says goes to a file.</summary>
    public void Start(string name, string program, params ReadOnlySpan<string> arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["BERTH_STATE"] = Path.Combine(folder, "state");
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        _parts.Push((name, process, KeepAsync(name, process)));
    }

    /// <summary>The key in the file, once it is there.</summary>
    /// <exception cref="TimeoutException">It did not come.</exception>
    public async Task<SigningKey> KeyAsync(string file, TimeSpan patience, CancellationToken ct)
    {
        SigningKey? key = null;
        await UntilAsync("server", () => Task.FromResult(File.Exists(file) && (key = KeyFile.Read(file).Key) is not null), patience, ct);
        return key!;
    }

    /// <summary>Returns when it is so.</summary>
    /// <exception cref="TimeoutException">It did not become so, or the part has ended.</exception>
    public async Task UntilAsync(string name, Func<Task<bool>> isSo, TimeSpan patience, CancellationToken ct)
    {
        var began = around.Time.GetTimestamp();
        while (true)
        {
            try
            {
                if (await isSo())
                {
                    return;
                }
            }
            catch (MarketException away) when (away.IsTransient)
            {
                // It is not there yet.
            }

            if (_parts.Any(part => part.Name == name && part.Process.HasExited) || around.Time.GetElapsedTime(began) > patience)
            {
                throw new TimeoutException($"The {name} of the demo did not start.");
            }

            await Task.Delay(Pause, around.Time, ct);
        }
    }

    /// <summary>Shows the last lines that each part said.</summary>
    public async Task TellAsync()
    {
        foreach (var (name, _, _) in _parts)
        {
            var file = Path.Combine(folder, $"{name}.log");
            foreach (var line in File.Exists(file) ? (await File.ReadAllLinesAsync(file)).TakeLast(LinesToTell) : [])
            {
                await around.Error.WriteLineAsync($"{name}: {line}");
            }
        }
    }

    /// <summary>Tells each part to end, the last started first, and waits; one that does not is killed.</summary>
    public async Task EndAsync(TimeSpan patience)
    {
        while (_parts.TryPop(out var part))
        {
            using var limit = new CancellationTokenSource(patience, around.Time);
            try
            {
                _ = Signal(part.Process.Id, Terminate);
                await part.Process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                part.Process.Kill(entireProcessTree: true);
            }

            await part.Said;
            part.Process.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync(TimeSpan.Zero);
        Directory.Delete(folder, recursive: true);
    }

    private async Task KeepAsync(string name, Process process)
    {
        await using var file = new FileStream(Path.Combine(folder, $"{name}.log"), FileMode.Create, FileAccess.Write, FileShare.ReadWrite, 1);
        using var turn = new SemaphoreSlim(1, 1);
        await Task.WhenAll(CopyAsync(process.StandardOutput.BaseStream), CopyAsync(process.StandardError.BaseStream));

        async Task CopyAsync(Stream said)
        {
            var buffer = new byte[4096];
            for (int read; (read = await said.ReadAsync(buffer)) > 0;)
            {
                await turn.WaitAsync();
                await file.WriteAsync(buffer.AsMemory(0, read));
                turn.Release();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
