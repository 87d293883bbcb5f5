using System.Collections.Immutable;
using System.Net;

namespace Berth.Node.Resources;

/// <summary>What a host sets for the fetching of resources.</summary>
public sealed record ResourceSettings
{
    /// <summary>The folder that fetched resources are kept in; every process of one user shares it.</summary>
    public required string Folder { get; init; }

    /// <summary>The most bytes that are kept; null is half of the disk.</summary>
    public long? MostBytes { get; init; }

    /// <summary>The most files of one resource.</summary>
    public int MostFiles { get; init; } = 500_000;

    /// <summary>Addresses of this machine and its networks that resources may be fetched from all the same.</summary>
    public ImmutableArray<IPNetwork> AllowedNetworks { get; init; } = [];

    public Uri HuggingFace { get; init; } = new("https://huggingface.co");

    public Uri OllamaLibrary { get; init; } = new("https://registry.ollama.ai");

    /// <summary>Asked in this order for what a definition names by its content id.</summary>
    public ImmutableArray<Uri> IpfsGateways { get; init; } = [new("https://trustless-gateway.link"), new("https://ipfs.io"), new("https://dweb.link")];

    public DownloadPace Pace { get; init; } = new();

    /// <summary>Where a user's fetched resources are kept.</summary>
    public static string FolderIn(string stateDirectory) => Path.Combine(stateDirectory, "resources");
}

/// <summary>How hard a download tries.</summary>
public sealed record DownloadPace
{
    /// <summary>How long a server may say nothing at all.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A server that sends fewer bytes than this in a second, over a minute, is taken for silent.</summary>
    public int SlowestRate { get; init; } = 1024;

    /// <summary>How often in a row something is tried without a byte of it coming.</summary>
    public int Tries { get; init; } = 7;

    /// <summary>The pause after the first failure; it doubles from there.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(0.5);

    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Requests of one resource that are under way at once.</summary>
    public int Lanes { get; init; } = 8;

    /// <summary>Bytes that one request asks for.</summary>
    public int PieceBytes { get; init; } = 16 << 20;
}
