using Berth.EndToEndTests.Lab;
using Berth.Protocol.Identity;

namespace Berth.EndToEndTests.Identity;

/// <summary>Content ids beside those of ipfs-unixfs-importer, which is what the JavaScript implementations of IPFS add files with.</summary>
public sealed class ContentIdTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("berth-cid-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Files_have_the_ids_that_others_give_them() =>
        await AgreesAsync(262_144, 174, [0, 1, 262_143, 262_144, 262_145, 524_288, 5_000_000, 174 * 262_144, (174 * 262_144) + 1, 400 * 262_144]);

    [Fact]
    public async Task Trees_of_up_to_six_levels_are_built_as_others_build_them() => await AgreesAsync(4, 3, [.. Enumerable.Range(0, 150), 323, 324, 325, 971, 972, 973]);

    private async Task AgreesAsync(int chunkSize, int linksPerNode, int[] sizes)
    {
        var ours = new List<string>();
        using var hasher = new UnixFsHasher(chunkSize, linksPerNode);
        foreach (var size in sizes)
        {
            var file = new byte[size];
            new Random(size).NextBytes(file);
            await File.WriteAllBytesAsync(FileOf(size), file);
            hasher.Append(file);
            ours.Add($"{size} {hasher.Finish()}");
        }

        var said = await Peer.AskAsync("content-id.mjs", [$"{chunkSize}", $"{linksPerNode}", .. sizes.Select(FileOf)]);

        Assert.Equal(said.Lines.Zip(sizes, (id, size) => $"{size} {id}"), ours);
    }

    private string FileOf(int size) => Path.Combine(_folder, $"{size}");
}
