using System.Net;
using Berth.Node.Resources;

namespace Berth.Testing.Runs;

/// <summary>How tests fetch resources: from servers of their own on this machine, and without long waits.</summary>
public static class TestResources
{
    public static ResourceSettings Settings(string home) => new()
    {
        Folder = ResourceSettings.FolderIn(home),
        AllowedNetworks = [IPNetwork.Parse("127.0.0.0/8")],
        Pace = new DownloadPace { FirstPause = TimeSpan.FromMilliseconds(10), LongestPause = TimeSpan.FromMilliseconds(50), PieceBytes = 64 * 1024 },
    };
}
