using System.Runtime.InteropServices;

namespace Berth.Cli.Sources;

/// <summary>Tells files from pipes, sockets and devices, which .NET does not tell apart and which would be waited for when they are opened.</summary>
internal static partial class FileKind
{
    private const int CurrentFolder = -100;
    private const int DoNotFollow = 0x100;
    private const uint Kind = 1;
    private const int ResultSize = 256;

    // Where the kernel's answer (linux/stat.h, struct statx) has the mode, and what of it is the kind.
    private const int ModeOffset = 28;
    private const int KindMask = 0xF000;
    private const int Regular = 0x8000;

    /// <summary>It is a file with bytes in it, not a link to one.</summary>
    public static unsafe bool IsRegular(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return File.Exists(path);
        }

        var result = stackalloc byte[ResultSize];
        return Statx(CurrentFolder, path, DoNotFollow, Kind, result) == 0 && (*(ushort*)(result + ModeOffset) & KindMask) == Regular;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial int Statx(int folder, string path, int flags, uint mask, byte* result);
}
