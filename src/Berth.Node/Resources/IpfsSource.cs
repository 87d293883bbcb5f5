using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Berth.Jobs.Definitions;

namespace Berth.Node.Resources;

/// <summary>
/// Content of IPFS, block by block from gateways that are not trusted: every block is checked against its identifier before anything is done with it
/// (specs.ipfs.tech/http-gateways/trustless-gateway). Gateways are asked in their order; the next one where one fails.
/// </summary>
internal sealed partial class IpfsSource(ImmutableArray<Uri> gateways, ResourceHttp http, int mostFiles)
{
    /// <summary>The most that anybody's tools make of one block.</summary>
    private const int LargestBlock = 4 << 20;

    private const int DeepestTree = 64;
    private const int ShardPrefix = 2;

    /// <summary>The content that is named, and the path inside it.</summary>
    public static (Cid Root, ImmutableArray<string> Path, Uri? Gateway)? PlaceOf(string url)
    {
        if (Named.Match(url) is not { Success: true } named || Cid.Parse(named.Groups["cid"].Value) is not { } root)
        {
            return null;
        }

        var path = Uri.UnescapeDataString(named.Groups["path"].Value.Split('?', '#')[0]).Split('/', StringSplitOptions.RemoveEmptyEntries);
        var gateway = named.Groups["server"] is { Success: true, Value: var server } ? new Uri(server + "/") : null;
        return (root, [.. path], gateway);
    }

    public async Task<ResourceListing> ListAsync(Resource resource, CancellationToken ct)
    {
        if (PlaceOf(resource.Url ?? "") is not var (root, path, named))
        {
            throw new ResourceException(ResourceFault.Unusable, $"'{ResourceName.Of(resource)}' names no content of IPFS: write ipfs:// and a content id (Qm… or bafy…), a gateway's address with /ipfs/ in it, or the content id alone.");
        }

        var sources = new Gateways([.. named is null ? gateways : gateways.Where(gateway => gateway != named).Prepend(named)], http);
        var wanted = await WalkAsync(sources, root, path, ct);
        var files = new List<IpfsFile>();
        var name = path.Length > 0 ? path[^1] : root.Text;
        await ListAsync(sources, wanted.Cid, wanted.Block, wanted.Block.Kind is UnixFsKind.Directory or UnixFsKind.Shard ? "" : name, files, 0, ct);
        return new ResourceListing(wanted.Cid.Text + name, files.Sum(file => file.Block.FileSize), files.Count, (folder, open, meter, token) => FetchAsync(sources, files, folder, open, meter, token));
    }

    private static async Task<(Cid Cid, UnixFsBlock Block)> WalkAsync(Gateways sources, Cid root, ImmutableArray<string> path, CancellationToken ct)
    {
        var (cid, block) = (root, await sources.ReadAsync(root, ct));
        foreach (var part in path)
        {
            var entries = new List<UnixFsLink>();
            await EntriesAsync(sources, block, entries, 0, ct);
            cid = entries.FirstOrDefault(entry => entry.Name == part)?.Target
                ?? throw new ResourceException(ResourceFault.Missing, $"There is no '{part}' in {root.Text}/{string.Join('/', path)}.");
            block = await sources.ReadAsync(cid, ct);
        }

        return (cid, block);
    }

    private async Task ListAsync(Gateways sources, Cid cid, UnixFsBlock block, string path, List<IpfsFile> files, int depth, CancellationToken ct)
    {
        if (depth > DeepestTree)
        {
            throw new ResourceException(ResourceFault.TooMuch, $"The folders of {cid.Text} lie more than {DeepestTree} deep in one another.");
        }

        switch (block.Kind)
        {
            case UnixFsKind.File or UnixFsKind.Raw:
                if (files.Count == mostFiles)
                {
                    throw new ResourceException(ResourceFault.TooMuch, $"It has more than {mostFiles} files, which is the most that this host fetches.");
                }

                files.Add(new IpfsFile(path, cid, block with { Data = ReadOnlyMemory<byte>.Empty }));
                break;
            case UnixFsKind.Directory or UnixFsKind.Shard:
                var entries = new List<UnixFsLink>();
                await EntriesAsync(sources, block, entries, 0, ct);
                foreach (var chunk in entries.Chunk(http.Pace.Lanes))
                {
                    var blocks = await Task.WhenAll(chunk.Select(entry => sources.ReadAsync(entry.Target, ct)));
                    foreach (var (entry, child) in chunk.Zip(blocks))
                    {
                        await ListAsync(sources, entry.Target, child, path.Length == 0 ? entry.Name : $"{path}/{entry.Name}", files, depth + 1, ct);
                    }
                }

                break;
            default:
                // A link may lead anywhere.
                break;
        }
    }

    private static async Task EntriesAsync(Gateways sources, UnixFsBlock block, List<UnixFsLink> entries, int depth, CancellationToken ct)
    {
        if (block.Kind == UnixFsKind.Directory)
        {
            entries.AddRange(block.Links);
            return;
        }

        if (block.Kind != UnixFsKind.Shard || depth > DeepestTree)
        {
            return;
        }

        foreach (var link in block.Links)
        {
            if (link.Name.Length > ShardPrefix)
            {
                entries.Add(link with { Name = link.Name[ShardPrefix..] });
            }
            else
            {
                await EntriesAsync(sources, await sources.ReadAsync(link.Target, ct), entries, depth + 1, ct);
            }
        }
    }

    private async Task FetchAsync(Gateways sources, List<IpfsFile> files, string folder, string open, TransferMeter meter, CancellationToken ct)
    {
        Directory.CreateDirectory(folder);
        Directory.CreateDirectory(open);
        using var lanes = new SemaphoreSlim(http.Pace.Lanes);
        await Parallel.ForEachAsync(files.Index(), new ParallelOptions { MaxDegreeOfParallelism = http.Pace.Lanes, CancellationToken = ct }, async (entry, token) =>
        {
            var (index, file) = entry;
            var path = ResourcePath.Inside(folder, file.Path);
            if (File.Exists(path))
            {
                meter.Found(file.Block.FileSize);
            }
            else
            {
                var part = Path.Combine(open, $"{index}");
                using (var writing = new BlockFile(part, file.Block.FileSize))
                {
                    await FetchAsync(sources, file.Cid, 0, file.Block.FileSize, writing, lanes, meter, 0, token);
                }

                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.Move(part, path);
                BlockFile.Finish(part);
            }

            meter.FileIsWhole();
        });
    }

    private static async Task FetchAsync(Gateways sources, Cid cid, long at, long bytes, BlockFile file, SemaphoreSlim lanes, TransferMeter meter, int depth, CancellationToken ct)
    {
        if (file.Has(at, bytes))
        {
            meter.Found(bytes);
            return;
        }

        UnixFsBlock block;
        await lanes.WaitAsync(ct);
        try
        {
            block = await sources.ReadAsync(cid, ct);
        }
        finally
        {
            lanes.Release();
        }

        if (block.FileSize != bytes || block.Kind is not (UnixFsKind.File or UnixFsKind.Raw) || depth > DeepestTree)
        {
            throw new ResourceException(ResourceFault.Mismatch, $"The block {cid.Text} is not the piece of a file that it should be.");
        }

        if (!block.Data.IsEmpty)
        {
            file.Write(at, block.Data.Span);
            meter.Arrived(block.Data.Length);
            at += block.Data.Length;
        }

        if (block.Links.IsEmpty)
        {
            file.Note(at - block.Data.Length, bytes);
            return;
        }

        var places = new List<(UnixFsLink Link, long At)>();
        foreach (var link in block.Links)
        {
            places.Add((link, at));
            at += link.Bytes;
        }

        await Parallel.ForEachAsync(places, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = ct }, async (place, token) =>
            await FetchAsync(sources, place.Link.Target, place.At, place.Link.Bytes, file, lanes, meter, depth + 1, token));
    }

    [GeneratedRegex(@"^(?:ipfs://(?:ipfs/)?|/ipfs/|(?<server>https?://[^/?#]+)/ipfs/)?(?<cid>[A-Za-z0-9]{8,})(?<path>/.*)?\z", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase)]
    private static partial Regex Named { get; }

    private sealed record IpfsFile(string Path, Cid Cid, UnixFsBlock Block);

    /// <summary>Reads blocks, each from the first gateway that has it whole and right; one that failed is asked after the others from then on.</summary>
    private sealed class Gateways(ImmutableArray<Uri> gateways, ResourceHttp http)
    {
        private readonly ConcurrentDictionary<Uri, int> _failures = new();

        public async Task<UnixFsBlock> ReadAsync(Cid cid, CancellationToken ct)
        {
            if (cid.Inline is { } inline)
            {
                return UnixFsBlock.Read(cid, inline) ?? throw Odd(cid);
            }

            return UnixFsBlock.Read(cid, await http.AgainAsync(() => GetAsync(cid, ct), ct)) ?? throw Odd(cid);
        }

        private async Task<byte[]> GetAsync(Cid cid, CancellationToken ct)
        {
            ResourceException? last = null;
            foreach (var gateway in gateways.OrderBy(gateway => _failures.GetValueOrDefault(gateway)))
            {
                try
                {
                    var address = new Uri(gateway, $"ipfs/{cid.Text}?format=raw");
                    using var response = await http.SendAsync(new RemoteRequest(address) { Accept = "application/vnd.ipld.raw" }, ct);
                    var block = await http.ReadAsync(response, address, LargestBlock, ct);
                    return cid.Fits(block) ? block : throw new ResourceException(ResourceFault.Mismatch, $"{gateway.GetLeftPart(UriPartial.Authority)} gave other bytes for {cid.Text} than those it stands for.");
                }
                catch (ResourceException fault)
                {
                    _failures.AddOrUpdate(gateway, 1, (_, count) => count + 1);
                    last = last is null || !last.IsTransient ? fault : last;
                }
            }

            throw last ?? new ResourceException(ResourceFault.Unusable, "This host has no IPFS gateways to ask; give it some with --ipfs-gateway.");
        }

        private static ResourceException Odd(Cid cid) => new(ResourceFault.Unusable, $"The block {cid.Text} is no file or folder of UnixFS.");
    }

    /// <summary>A file that comes in blocks. Beside it stand the places of those that are there, one a line; a torn last line is one that has to come again.</summary>
    private sealed class BlockFile : IDisposable
    {
        private readonly Microsoft.Win32.SafeHandles.SafeFileHandle _data;
        private readonly FileStream _notes;
        private readonly ConcurrentDictionary<(long, long), bool> _there = new();

        public BlockFile(string path, long size)
        {
            _data = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
            _notes = new FileStream(NotesOf(path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1);
            if (RandomAccess.GetLength(_data) == size)
            {
                using var reader = new StreamReader(_notes, Encoding.ASCII, leaveOpen: true);
                foreach (var line in reader.ReadToEnd().Split('\n').SkipLast(1))
                {
                    if (line.Split(' ') is [var at, var bytes] && long.TryParse(at, out var start) && long.TryParse(bytes, out var length))
                    {
                        _there[(start, length)] = true;
                    }
                }
            }

            RandomAccess.SetLength(_data, size);
            _notes.Seek(0, SeekOrigin.End);
            _notes.WriteByte((byte)'\n');
        }

        public static void Finish(string path) => File.Delete(NotesOf(path));

        public bool Has(long at, long bytes) => bytes > 0 && _there.ContainsKey((at, bytes));

        public void Write(long at, ReadOnlySpan<byte> bytes) => RandomAccess.Write(_data, bytes, at);

        public void Note(long at, long bytes)
        {
            lock (_there)
            {
                _notes.Write(Encoding.ASCII.GetBytes($"{at} {bytes}\n"));
            }
        }

        public void Dispose()
        {
            _data.Dispose();
            _notes.Dispose();
        }

        private static string NotesOf(string path) => path + ".blocks";
    }
}
