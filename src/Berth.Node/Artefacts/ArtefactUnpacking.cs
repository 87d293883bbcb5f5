using ZstdSharp;

namespace Berth.Node.Artefacts;

/// <summary>Unpacks an artefact that was fetched. Whoever made it is a stranger: nothing is written outside the destination, and what unpacks to far more than was said is broken off.</summary>
public static class ArtefactUnpacking
{
    // Folders are not counted by who packs, and files that are links to one another are written out each.
    private const int FilesBeyond = 100_000;
    private const long BytesBeyond = 64L << 20;

    /// <exception cref="InvalidDataException">It is no artefact, or more than was said.</exception>
    /// <exception cref="IOException">The destination cannot be written.</exception>
    public static async Task<CopiedOutput> UnpackAsync(string packed, string destination, int files, long bytes, Action<int, long> progress, CancellationToken ct)
    {
        await using var file = new FileStream(packed, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.Asynchronous);
        await using var tar = new DecompressionStream(file);
        await using var blocks = new BufferedStream(tar, 256 * 1024);
        try
        {
            return await new OutputFolder((int)Math.Min(int.MaxValue, (files * 2L) + FilesBeyond), (bytes * 4) + BytesBeyond).UnpackAsync(blocks, destination, progress, ct);
        }
        catch (ZstdException damaged)
        {
            throw new InvalidDataException($"It does not unpack: {damaged.Message}", damaged);
        }
    }
}
