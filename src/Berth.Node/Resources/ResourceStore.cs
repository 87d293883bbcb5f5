using Berth.Jobs.Definitions;
using Berth.Node.Runs;

namespace Berth.Node.Resources;

/// <summary>What is told of a resource while it is brought here.</summary>
public sealed record ResourceWatch(Action<TransferProgress> Progressed, Action<string> Note);

/// <summary>A resource that is here, and whether it was before.</summary>
public sealed record ResourceAtHand(CachedResource Entry, bool WasHere);

/// <summary>Brings resources onto this machine, each once: from the cache, or from where they are into it.</summary>
public sealed class ResourceStore : IDisposable
{
    private const int MostVersions = 3;

    /// <summary>What a download leaves free for everything else on the disk.</summary>
    private const long SpareDisk = 512L << 20;

    private readonly ResourceSettings _settings;
    private readonly ReachableAddresses _reachable;
    private readonly ResourceHttp _http;
    private readonly Downloader _downloader;
    private readonly CancellationTokenSource _closed = new();

    public ResourceStore(ResourceSettings settings, TimeProvider time)
    {
        _settings = settings;
        Cache = new ResourceCache(settings.Folder, time);
        Time = time;
        _reachable = new ReachableAddresses(settings.AllowedNetworks);
        _http = new ResourceHttp(_reachable, settings.Pace, time);
        _downloader = new Downloader(_http, () => MostBytes);
    }

    public ResourceCache Cache { get; }

    private TimeProvider Time { get; }

    private long MostBytes => _settings.MostBytes ?? (Disk.Size(_settings.Folder) / 2);

    /// <summary>Whatever is being fetched ends here; what came of it stays.</summary>
    public void Dispose()
    {
        _closed.Cancel();
        _http.Dispose();
    }

    /// <summary>
    /// 1 take what is here already where it cannot have changed, 2 ask what there is now, 3 hold its key, 4 take it when it is here, else 5 make room, 6 fetch it and 7 give it its name.
    /// A run that is named has it mounted from then on, until its end.
    /// </summary>
    /// <exception cref="ResourceException">It cannot be had.</exception>
    public async Task<ResourceAtHand> BringAsync(Resource resource, RunFolder? run, ResourceWatch watch, CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, _closed.Token);
        try
        {
            for (var versions = 1; ; versions++)
            {
                try
                {
                    return await BringOnceAsync(resource, run, watch, either.Token);
                }
                catch (ResourceException changed) when (changed.Fault == ResourceFault.Changed && versions < MostVersions)
                {
                    watch.Note($"{changed.Message} Fetching what it is now.");
                }
            }
        }
        catch (IOException fault)
        {
            throw Disk.Fault(fault, ResourceName.Of(resource));
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new ResourceException(ResourceFault.Unusable, $"{ResourceName.Of(resource)} could not be kept in {_settings.Folder}: {fault.Message}", fault);
        }
    }

    /// <summary>What can be put back into the resource; null when it has no place for that, or no keys.</summary>
    public ResourceUpload? UploadTo(Resource resource) =>
        resource is { Type: "S3", AllowWrite: true, Credentials: not null } && S3Source.PlacesOf(resource) is [var (locations, _)] && locations is [var location, ..]
            ? new ResourceUpload(_http, location, resource)
            : null;

    private async Task<ResourceAtHand> BringOnceAsync(Resource resource, RunFolder? run, ResourceWatch watch, CancellationToken ct)
    {
        // 1
        var id = Cache.KeyOf(resource);
        if (PinnedVersion(resource) is not null && Cache.FindNewest(id) is { } same && await TakeAsync(same.Key, run, watch, ct) is { } pinned)
        {
            return pinned;
        }

        // 2
        ResourceListing listing;
        try
        {
            listing = await ListAsync(resource, ct);
        }
        catch (ResourceException away) when (away.IsTransient && Cache.FindNewest(id) is { } before)
        {
            if (await TakeAsync(before.Key, run, watch, ct) is { } known)
            {
                watch.Note($"{away.Message} Using what was fetched {before.FetchedAt:yyyy-MM-dd HH:mm} UTC.");
                return known;
            }

            throw;
        }

        // 3
        var key = ResourceKey.OfVersion(id, listing.Version);
        using var held = await Cache.LockAsync(key, () => watch.Note($"Waiting for another job that is fetching {ResourceName.Of(resource)}."), ct);

        // 4
        if (Cache.Find(key) is { } here)
        {
            Cache.Use(here, run);
            return new(here, WasHere: true);
        }

        // 5
        MakeRoomFor(resource, listing);

        // 6
        var meter = new TransferMeter(listing.Bytes, listing.Files, Time, watch.Progressed);
        meter.Begin();
        await listing.FetchAsync(Cache.FilesUnderWay(key), Cache.OpenUnderWay(key), meter, ct);

        // 7
        var kept = Cache.Keep(key, id, resource);
        Cache.Use(kept, run);
        return new(kept, WasHere: false);
    }

    private async Task<ResourceAtHand?> TakeAsync(string key, RunFolder? run, ResourceWatch watch, CancellationToken ct)
    {
        using var held = await Cache.LockAsync(key, () => watch.Note("Waiting for another job that works on the same resource."), ct);
        if (Cache.Find(key) is not { } here)
        {
            return null;
        }

        Cache.Use(here, run);
        return new(here, WasHere: true);
    }

    /// <summary>What makes a resource the same for ever; null where its server may give another one tomorrow.</summary>
    private static string? PinnedVersion(Resource resource) => resource switch
    {
        { Type: "HTTP", Sha256: { } sha } => sha,
        { Type: "HF" or "Git", Revision: { } commit } when HuggingFaceSource.IsCommit(commit) => commit,
        { Type: "IPFS", Url: { } url } => IpfsSource.PlaceOf(url)?.Root.Text,
        _ => null,
    };

    private Task<ResourceListing> ListAsync(Resource resource, CancellationToken ct) => resource.Type switch
    {
        "HTTP" => new HttpSource(_http, _downloader).ListAsync(resource, ct),
        "HF" => new HuggingFaceSource(_settings.HuggingFace, _http, _downloader, _settings.MostFiles).ListAsync(resource, ct),
        "Ollama" => new OllamaSource(_settings.OllamaLibrary, _http, _downloader, _settings.MostFiles).ListAsync(resource, ct),
        "IPFS" => new IpfsSource(_settings.IpfsGateways, _http, _settings.MostFiles).ListAsync(resource, ct),
        "Git" => new GitSource(_reachable, () => MostBytes, Time).ListAsync(resource, ct),
        "S3" => new S3Source(_http, _downloader, _settings.MostFiles).ListAsync(resource, ct),
        _ => throw new System.Diagnostics.UnreachableException($"No way to fetch a resource of type {resource.Type}."),
    };

    private void MakeRoomFor(Resource resource, ResourceListing listing)
    {
        var name = ResourceName.Of(resource);
        if (listing.Files > _settings.MostFiles)
        {
            throw new ResourceException(ResourceFault.TooMuch, $"{name} has {listing.Files} files; this host fetches {_settings.MostFiles} at most.");
        }

        var bytes = listing.Bytes ?? 0;
        if (bytes > MostBytes)
        {
            throw new ResourceException(ResourceFault.TooMuch, $"{name} has {bytes} bytes; this host keeps {MostBytes} at most.");
        }

        if (!Cache.MakeRoom(bytes, MostBytes, SpareDisk))
        {
            throw new ResourceException(
                ResourceFault.DiskFull,
                $"{name} has {bytes} bytes, and there is no room for them: the disk has {Disk.Free(_settings.Folder)} bytes free, and what is kept there is in use or required.");
        }
    }
}
