using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Berth.EndToEndTests.Lab;

/// <summary>A program that is running: what it has said so far, signals to it, and its end. It never outlives its time limit.</summary>
internal sealed partial class RunningProgram : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly Process _process;
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly CancellationTokenSource _late;
    private readonly Pipe _output;
    private readonly Pipe _error;

    private RunningProgram(Process process, TimeSpan? limit, int mostKept)
    {
        _process = process;
        _late = new CancellationTokenSource(limit ?? Limit);
        _output = new Pipe(process.StandardOutput.BaseStream, mostKept);
        _error = new Pipe(process.StandardError.BaseStream, mostKept);
    }

    public int Id => _process.Id;

    public string Output => _output.Text;

    public string Error => _error.Text;

    /// <summary>Its test failed before it had ended.</summary>
    public bool WasCutShort { get; private set; }

    /// <summary>The most memory it ever had, MiB.</summary>
    public long PeakMemory { get; private set; }

    public static RunningProgram Start(ProcessStartInfo start, TimeSpan? limit = null, string? input = null, int mostKept = int.MaxValue)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        var process = Process.Start(start)!;
        if (input is not null)
        {
            process.StandardInput.Write(input);
        }

        process.StandardInput.Close();
        return new RunningProgram(process, limit, mostKept);
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<Said> RunAsync(ProcessStartInfo start, TimeSpan? limit = null, string? input = null)
    {
        await using var program = Start(start, limit, input);
        return await program.EndAsync();
    }

    public void Signal(int signal) => Assert.Equal(0, Kill(_process.Id, signal));

    public Task<string> SaysAsync(string text) => Eventually.IsAsync(() => Output.Contains(text, StringComparison.Ordinal) ? Output : null, $"'{text}' on stdout", Words);

    public Task<string> TellsAsync(string text) => Eventually.IsAsync(() => Error.Contains(text, StringComparison.Ordinal) ? Error : null, $"'{text}' on stderr", Words);

    /// <summary>Waits for the end, noting memory on the way; a program that outlasts its limit is killed and fails the test.</summary>
    public async Task<Said> EndAsync()
    {
        try
        {
            while (!_process.HasExited)
            {
                PeakMemory = Math.Max(PeakMemory, MemoryNow());
                using var turn = CancellationTokenSource.CreateLinkedTokenSource(_late.Token);
                turn.CancelAfter(TimeSpan.FromMilliseconds(100));
                await _process.WaitForExitAsync(turn.Token).ContinueWith(_ => { }, TaskScheduler.Default);
                _late.Token.ThrowIfCancellationRequested();
            }

            await Task.WhenAll(_output.Closed, _error.Closed).WaitAsync(_late.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"It did not end within its time.\n{Words()}");
        }

        return new Said(_process.ExitCode, _output.Bytes, _error.Text, _watch.Elapsed);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            WasCutShort = true;
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        _late.Dispose();
    }

    private string Words() => $"── stdout\n{Output}\n── stderr\n{Error}";

    private long MemoryNow()
    {
        try
        {
            var line = File.ReadLines($"/proc/{_process.Id}/status").FirstOrDefault(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) >> 10;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    /// <summary>Reads one stream to its end and keeps what came, up to a limit.</summary>
    private sealed class Pipe
    {
        private readonly ArrayBufferWriter<byte> _kept = new();

        public Pipe(Stream stream, int most) => Closed = ReadAsync(stream, most);

        public Task Closed { get; }

        public byte[] Bytes
        {
            get
            {
                lock (_kept)
                {
                    return _kept.WrittenSpan.ToArray();
                }
            }
        }

        public string Text => Encoding.UTF8.GetString(Bytes);

        private async Task ReadAsync(Stream stream, int most)
        {
            var buffer = new byte[64 * 1024];
            for (int read; (read = await stream.ReadAsync(buffer)) > 0;)
            {
                lock (_kept)
                {
                    _kept.Write(buffer.AsSpan(0, Math.Min(read, most - _kept.WrittenCount)));
                }
            }
        }
    }
}
