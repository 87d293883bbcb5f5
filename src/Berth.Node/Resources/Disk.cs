namespace Berth.Node.Resources;

/// <summary>What the disk says, in words of resources.</summary>
internal static class Disk
{
    private const int NoSpace = 28;
    private const int OverQuota = 122;

    public static bool IsFull(IOException fault) => fault.HResult is NoSpace or OverQuota;

    public static ResourceException Fault(IOException fault, string what) => IsFull(fault)
        ? new(ResourceFault.DiskFull, $"The disk is full; {what} could not be kept.", fault)
        : new(ResourceFault.Unusable, $"{what} could not be written: {fault.Message}", fault);

    /// <summary>Free bytes of the disk that a folder is, or would be, on.</summary>
    public static long Free(string folder) => DriveOf(folder).AvailableFreeSpace;

    public static long Size(string folder) => DriveOf(folder).TotalSize;

    private static DriveInfo DriveOf(string folder)
    {
        var existing = Path.GetFullPath(folder);
        while (!Directory.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing)!;
        }

        return new DriveInfo(existing);
    }
}
