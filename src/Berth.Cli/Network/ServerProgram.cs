using System.Runtime.InteropServices;

namespace Berth.Cli.Network;

/// <summary>The server's program, <c>berth-server</c>, which lies beside this one; <c>BERTH_SERVER_PROGRAM</c> names another.</summary>
internal static partial class ServerProgram
{
    /// <summary>Where it is, or null when it is not there.</summary>
    public static string? Find(Surroundings around)
    {
        var named = around.Environment("BERTH_SERVER_PROGRAM");
        var path = named is { Length: > 0 } ? named : Path.Combine(AppContext.BaseDirectory, "berth-server");
        return File.Exists(path) ? path : null;
    }

    /// <summary>This process becomes the server, with the words as its command line; returns only when that is not possible.</summary>
    public static int Become(Surroundings around, IReadOnlyList<string> words)
    {
        if (Find(around) is { } program)
        {
            nint[] arguments = [.. words.Prepend(program).Select(Marshal.StringToCoTaskMemUTF8), 0];
            Execute(program, arguments);
        }

        around.Error.WriteLine($"berth: the server's program berth-server cannot be started; it belongs beside {Environment.ProcessPath}.");
        return (int)ExitCode.WrongUse;
    }

    [LibraryImport("libc", EntryPoint = "execv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string path, [In] nint[] arguments);
}
