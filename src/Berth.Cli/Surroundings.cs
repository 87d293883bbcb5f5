using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Berth.Cli;

/// <summary>What the command line finds around it: environment, streams, clock, and where this user's Berth keeps its state and key.</summary>
internal sealed class Surroundings : IDisposable
{
    private Surroundings(Func<string, string?> environment)
    {
        Environment = environment;
        StateDirectory = environment("BERTH_STATE") is { Length: > 0 } own ? Path.GetFullPath(own)
            : environment("XDG_STATE_HOME") is { Length: > 0 } xdg ? Path.Combine(xdg, "berth")
            : Path.Combine(environment("HOME") ?? Path.GetTempPath(), ".local", "state", "berth");
        KeyFile = environment("BERTH_KEY") is { Length: > 0 } key ? Path.GetFullPath(key)
            : environment("XDG_CONFIG_HOME") is { Length: > 0 } config ? Path.Combine(config, "berth", "key.json")
            : Path.Combine(environment("HOME") ?? System.Environment.GetFolderPath(System.Environment.SpecialFolder.UserProfile), ".config", "berth", "key.json");
    }

    public Func<string, string?> Environment { get; }

    public TimeProvider Time { get; } = TimeProvider.System;

    /// <summary>Logs and results: what may be piped on.</summary>
    public Stream Output { get; } = OpenOutput();

    /// <summary>Everything said about them.</summary>
    public TextWriter Error { get; } = Console.Error;

    public bool IsOutputTerminal { get; } = !Console.IsOutputRedirected;

    public bool IsErrorTerminal { get; } = !Console.IsErrorRedirected;

    /// <summary>Colours and moving lines are wanted on a terminal unless <c>NO_COLOR</c> or a dumb terminal says otherwise.</summary>
    public bool HasColour => Environment("NO_COLOR") is not { Length: > 0 } && Environment("TERM") is not "dumb";

    public string StateDirectory { get; }

    /// <summary>Where this user's own key is kept, whether it is there or not: <c>BERTH_KEY</c>, else <c>berth/key.json</c> where configuration goes.</summary>
    public string KeyFile { get; }

    /// <summary>
    /// The name this user's local runs carry on the engine, so that two users of one engine never sweep each other's: it follows from
    /// the machine and the state directory.
    /// </summary>
    public string LocalNode
    {
        get
        {
            var machine = File.Exists("/etc/machine-id") ? File.ReadAllText("/etc/machine-id").Trim() : System.Environment.MachineName;
            return $"local-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{machine}:{StateDirectory}")))[..16]}";
        }
    }

    // The console's own stream says nothing when whoever read a pipe is gone. A file keeps the console's stream, for it is shared with others.
    private static Stream OpenOutput()
    {
        if (OperatingSystem.IsWindows())
        {
            return Console.OpenStandardOutput();
        }

        var output = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, 0);
        return output.CanSeek ? Console.OpenStandardOutput() : output;
    }

    public static Surroundings Of(Func<string, string?> environment) => new(environment);

    public void Write(ReadOnlySpan<char> text) => Output.Write(Encoding.UTF8.GetBytes(text.ToArray()));

    public void WriteLine(string text) => Write(text + "\n");

    public void Dispose() => Output.Dispose();
}
