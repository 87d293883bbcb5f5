using Berth.Protocol.Identity;
using CsCheck;
using Xunit;

namespace Berth.Tests.Protocol.Identity;

/// <summary>Content ids of files. The expected ones are those of ipfs-unixfs-importer, which the end-to-end tests ask again; file bytes count from 0 to 250, over and over.</summary>
public sealed class UnixFsHasherTests
{
    [Fact]
    public void A_small_file_has_the_id_that_ipfs_add_prints() =>
        Assert.Equal("QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o", UnixFsHasher.IdOf("hello world\n"u8).Value);

    [Theory]
    [InlineData(0, "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH")]
    [InlineData(1, "QmS9JArPwa55ePgDnyg6TzX24mYTS1b1vLqWNebyVotKxQ")]
    [InlineData(262_143, "QmRfm83kqBpGJbGxJg1en9hpwq8eNnP4E2Dj8K73F4m983")]
    [InlineData(262_144, "QmeqfRyS3vkku7n6krqC3DgGMex3x2sCpSeKMDmrG13QQq")]
    [InlineData(262_145, "QmUSjGawaz4ptvREcMKSMJneWCa5j8dAz2wSAAvHtW2rnB")]
    [InlineData(524_288, "QmX9AxjaxS7HCFKUdcQRgNKmfEj9hhjTsE57CB5iPe8zus")]
    [InlineData(174 * 262_144, "QmXCym15aFeWjAWyPFaAgwVmkuKB7EBsV77Skt54KmxChF")]
    [InlineData((174 * 262_144) + 1, "QmTedsTekQQkgACJXb1sPZSW8bLdS9LPMrT7L4YdjNRd4n")]
    public async Task A_file_has_the_same_id_whole_and_as_a_stream(int size, string id)
    {
        var bytes = Counting(size);

        Assert.Equal(id, UnixFsHasher.IdOf(bytes).Value);
        Assert.Equal(id, (await UnixFsHasher.IdOfAsync(new MemoryStream(bytes), TestContext.Current.CancellationToken)).Value);
    }

    // Chunks of 4 bytes under nodes of 3 links: up to six levels.
    [Theory]
    [InlineData(4, "QmSpgrxS7GV2xivpNPmgy8YPyPhSDmTJumDwv3RGNBXjE9")]
    [InlineData(5, "Qmf2coSLeNjuq1scU2DSVGD8F51awNaZzYwKmhVaarNUdE")]
    [InlineData(12, "QmVyBTWKNq9Hrk6QDeg6qAqQrF1jiSchichpC3i6edekov")]
    [InlineData(13, "Qmc1Du5QVrAgTSdvJecBgekPgVZfaTxdYMrGXmQ62L9n5Q")]
    [InlineData(36, "QmSrLbaad7uec55vAJfn39XBCsppQtT8ivcRnAJMvzfhNA")]
    [InlineData(37, "QmYD7tcjqnMfeEXS4sRvUBevtzcpxRLCFKSD83NXVEmX2J")]
    [InlineData(48, "QmUbgnLhFeRmiB9nbQ66C3QhTVrNCeGxfkjhi7KEbjWfeB")]
    [InlineData(49, "QmV4jpRWyspDrxrBueaEthkZdddfqTapuDrUB9Rn7p4ih5")]
    [InlineData(108, "QmdPVRLeYcnkUz63MEcFPWfnfLhzEMY4AjYK4iGUfX8nMe")]
    [InlineData(109, "QmThZomnMt4M1vQLJNm1BuHSnEQhK5j3Cv65eEpdoUGp3K")]
    [InlineData(145, "QmZi42ohVnE7DPHMRsYz9wxwS6sYbi5pH2WqByzhVJNqBJ")]
    [InlineData(1000, "Qmd2qT9Xf8gCwjfQV1xKyGPQerFVuXrsKz9ibnQ28N2quh")]
    public void A_tree_of_any_height_is_built_as_others_build_it(int size, string id)
    {
        using var hasher = new UnixFsHasher(chunkSize: 4, linksPerNode: 3);

        hasher.Append(Counting(size));

        Assert.Equal(id, hasher.Finish().Value);
    }

    [Fact]
    public void In_what_pieces_a_file_comes_does_not_matter() => Gen.Select(Gen.Byte.Array[0, 300], Gen.Int[0, 40].Array[1, 20]).Sample((file, cuts) =>
    {
        using var whole = new UnixFsHasher(4, 3);
        using var pieces = new UnixFsHasher(4, 3);
        whole.Append(file);
        var rest = file.AsSpan();
        foreach (var cut in cuts)
        {
            var size = Math.Min(cut, rest.Length);
            pieces.Append(rest[..size]);
            rest = rest[size..];
        }

        pieces.Append(rest);
        Assert.Equal(whole.Finish(), pieces.Finish());
    });

    [Fact]
    public void A_hasher_that_finished_is_as_new()
    {
        using var hasher = new UnixFsHasher();
        hasher.Append(Counting(300_000));
        hasher.Finish();

        hasher.Append("hello world\n"u8);

        Assert.Equal("QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o", hasher.Finish().Value);
    }

    [Fact]
    public void A_large_file_takes_no_more_memory_than_a_small_one()
    {
        var piece = Counting(64 * 1024);
        using var hasher = new UnixFsHasher();
        hasher.Append(piece);
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var piecesOf64 = 0; piecesOf64 < 1024; piecesOf64++)
        {
            hasher.Append(piece);
        }

        // 256 chunks: a digest and two small buffers each, and one node.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 * 1024);
    }

    private static byte[] Counting(int size)
    {
        var bytes = new byte[size];
        for (var place = 0; place < size; place++)
        {
            bytes[place] = (byte)(place % 251);
        }

        return bytes;
    }
}
