using System.Security.Cryptography;
using Berth.EndToEndTests.Lab;
using Berth.Testing.Resources;

namespace Berth.EndToEndTests.Runs;

/// <summary>Downloads as people have them: very large, very many, and over lines that break.</summary>
public sealed class LongResourceTests : IAsyncDisposable
{
    private const string Allowed = "--allow-address=127.0.0.1";
    private const long Gigabytes = 5L << 30;
    private readonly FileServer _server = new();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_model_of_5_GB_comes_in_memory_that_stays_small()
    {
        _server.Serve("/model.bin", new ServedFile(Gigabytes, (at, bytes) =>
        {
            bytes.Clear();
            bytes[0] = (byte)(at >> 16);
        }));
        await using var desk = new Desk();
        await using var program = desk.Start(TimeSpan.FromMinutes(8), int.MaxValue, Definition.Of("stat -c %s /data/model.bin", Http("/model.bin")), Allowed);

        var said = (await program.EndAsync()).Exited(0);

        Assert.Equal([$"{Gigabytes}"], said.Lines);
        Assert.InRange(program.PeakMemory, 1, 200);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_line_that_breaks_every_three_seconds_brings_all_of_it()
    {
        const int Size = 30_000_000;
        var content = RandomNumberGenerator.GetBytes(Size);
        _server.Serve("/model.bin", new ServedFile(content) { BytesPerSecond = 125_000, CutsAfter = 375_000 });
        await using var desk = new Desk();
        await using var program = desk.Start(TimeSpan.FromMinutes(8), int.MaxValue, Definition.Of("sha256sum /data/model.bin", Http("/model.bin")), Allowed);

        var said = (await program.EndAsync()).Exited(0);

        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(content)), said.Output, StringComparison.Ordinal);
        Assert.InRange(_server.Sent, Size, Size * 1.02);
    }

    private string Http(string path) => $$"""{"resources":[{ "type": "HTTP", "url": "{{_server.Address.OriginalString.TrimEnd('/')}}{{path}}", "target": "/data" }]}""";
}

/// <summary>Ten thousand small files of a real S3 server.</summary>
public sealed class ManyFilesTests(LocalS3 s3) : IClassFixture<LocalS3>
{
    [Fact]
    [Trait("Category", "Long")]
    public async Task Ten_thousand_small_files_all_come()
    {
        var bucket = await s3.MakeBucketAsync();
        await s3.PutAllAsync(bucket, Enumerable.Range(1, 10_000).Select(number => $"f{number:00000}"));
        await using var desk = new Desk();
        var job = Definition.Of(
            "cat /data/* | sha256sum; ls /data | wc -l",
            $$"""{"resources":[{ "type": "S3", "url": "{{s3.Address}}/{{bucket}}", "IAM": {{s3.Iam}}, "target": "/data" }]}""");

        await using var program = desk.Start(TimeSpan.FromMinutes(8), int.MaxValue, job, "--allow-address=127.0.0.1");
        var said = (await program.EndAsync()).Exited(0);

        var expected = string.Concat(Enumerable.Range(1, 10_000).Select(number => $"f{number:00000}"));
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(expected))), said.Output, StringComparison.Ordinal);
        Assert.Contains("10000", said.Output, StringComparison.Ordinal);
        Assert.InRange(program.PeakMemory, 1, 200);
    }
}
