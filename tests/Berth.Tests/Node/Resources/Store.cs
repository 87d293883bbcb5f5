using System.Net;
using Berth.Jobs.Definitions;
using Berth.Node.Resources;
using Berth.Testing.Resources;
using Berth.Testing.Runs;
using Xunit;

namespace Berth.Tests.Node.Resources;

/// <summary>A store in a folder of its own, and a server to fetch from; what a test was told on the way is kept.</summary>
internal sealed class Store : IAsyncDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("berth-store-");
    private readonly List<ResourceStore> _opened = [];

    public Store() => Settings = TestResources.Settings(_home.FullName);

    public ResourceSettings Settings { get; set; }

    public FileServer Server { get; } = new();

    public TimeProvider Time { get; set; } = TimeProvider.System;

    public List<string> Notes { get; } = [];

    public List<TransferProgress> Progress { get; } = [];

    public string Home => _home.FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static Resource Http(Uri address, string? sha256 = null, long? size = null, string? name = null) =>
        new() { Type = "HTTP", Url = address.OriginalString, Target = "/data", Sha256 = sha256, Size = size, FileName = name };

    /// <summary>Bytes that differ from place to place, so that a piece in the wrong one is seen.</summary>
    public static byte[] Bytes(int count, int seed = 1)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>The same folder as another process opens it.</summary>
    public ResourceStore Open()
    {
        var store = new ResourceStore(Settings, Time);
        _opened.Add(store);
        return store;
    }

    public Task<ResourceAtHand> BringAsync(Resource resource, CancellationToken? ct = null) => BringAsync(Open(), resource, ct ?? Ct);

    public Task<ResourceAtHand> BringAsync(ResourceStore store, Resource resource, CancellationToken ct)
    {
        var watch = new ResourceWatch(
            progress =>
            {
                lock (Progress)
                {
                    Progress.Add(progress);
                }
            },
            note =>
            {
                lock (Notes)
                {
                    Notes.Add(note);
                }
            });
        return store.BringAsync(resource, run: null, watch, ct);
    }

    public async Task<ResourceException> FailsAsync(Resource resource) => await Assert.ThrowsAsync<ResourceException>(() => BringAsync(resource));

    /// <summary>Every file below the folder, by its path there.</summary>
    public static Dictionary<string, byte[]> Files(ResourceAtHand found) => Directory.EnumerateFiles(found.Entry.Files, "*", SearchOption.AllDirectories)
        .ToDictionary(file => Path.GetRelativePath(found.Entry.Files, file), File.ReadAllBytes);

    public async ValueTask DisposeAsync()
    {
        _opened.ForEach(store => store.Dispose());
        await Server.DisposeAsync();
        _home.Delete(recursive: true);
    }

    public static IPNetwork Network(string text) => IPNetwork.Parse(text);
}
