using System.Formats.Tar;
using Berth.Jobs.Results;
using Berth.Protocol;

namespace Berth.Node.Artefacts;

/// <summary>
/// Passes a tar on byte for byte while counting what is in it. Nothing is changed: whoever unpacks it finds what the engine gave, and must unpack it with care.
/// </summary>
internal sealed class TarTee(int mostFiles, long mostBytes)
{
    private const int MostListed = 1000;
    private const int MostListedCharacters = 64 * 1024;
    private const int Block = 256 * 1024;
    private readonly List<ArtefactFile> _list = [];
    private int _characters;

    public int Files { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>The first files.</summary>
    public IReadOnlyList<ArtefactFile> List => _list;

    /// <summary>Copies the whole tar.</summary>
    /// <exception cref="InvalidDataException">It has more than it may, or an entry that cannot be read.</exception>
    public async Task CopyAsync(Stream tar, Stream destination, Action<int, long> progress, CancellationToken ct)
    {
        await using var tee = new Tee(tar, destination);
        await using var blocks = new BufferedStream(tee, Block);
        await using (var reader = new TarReader(blocks, leaveOpen: true))
        {
            while (await OutputFolder.NextAsync(reader, ct) is { } entry)
            {
                Count(entry);
                if (Files > mostFiles || Bytes > mostBytes)
                {
                    throw new InvalidDataException($"it has more than {mostFiles} files or {mostBytes} bytes, the most that this node keeps.");
                }

                progress(Files, Bytes);
            }
        }

        // What stands behind the end of the last entry goes along.
        var rest = new byte[Block];
        while (await blocks.ReadAsync(rest, ct) > 0)
        {
        }
    }

    private void Count(TarEntry entry)
    {
        if (entry.EntryType is TarEntryType.Directory)
        {
            return;
        }

        Files++;
        Bytes += entry.Length;
        var path = entry.Name.IndexOf('/', StringComparison.Ordinal) is var slash and >= 0 ? entry.Name[(slash + 1)..] : entry.Name;
        if (_list.Count < MostListed && (_characters += path.Length) <= MostListedCharacters)
        {
            _list.Add(new ArtefactFile(path, entry.Length));
        }
    }

    /// <summary>Whatever is read from it has been written to the other stream before.</summary>
    private sealed class Tee(Stream source, Stream destination) : ForwardStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await source.ReadAsync(buffer, cancellationToken);
            await destination.WriteAsync(buffer[..read], cancellationToken);
            return read;
        }
    }
}
