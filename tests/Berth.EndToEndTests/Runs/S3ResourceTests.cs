using System.Security.Cryptography;
using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>Objects of a real S3 server, in every form a definition may name them, and back.</summary>
public sealed class S3ResourceTests(LocalS3 s3) : IClassFixture<LocalS3>
{
    private const string Allowed = "--allow-address=127.0.0.1";
    private const string Tree = "cd /data && find . -type f | sort | while read -r file; do echo \"$file: $(cat \"$file\")\"; done";

    [Fact]
    public async Task A_private_bucket_is_fetched_with_its_keys_in_each_form_of_its_name()
    {
        var bucket = await s3.MakeBucketAsync();
        await s3.PutAsync(bucket, "models/a.txt", "one"u8.ToArray());
        await s3.PutAsync(bucket, "models/sub/b c(+).txt", "two"u8.ToArray());
        await s3.PutAsync(bucket, "other.txt", "three"u8.ToArray());
        await using var desk = new Desk();
        string[] all = ["./a.txt: one", "./sub/b c(+).txt: two"];

        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}/models" """, all);
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}/models/" """, all);
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}", "bucket": "{{bucket}}/models" """, all);
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}", "bucket": "s3://{{bucket}}/models" """, all);
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}", "bucket": "{{bucket}}" """, ["./models/a.txt: one", "./models/sub/b c(+).txt: two", "./other.txt: three"]);
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}/models", "files": ["a.txt"] """, ["./a.txt: one"]);
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}/models", "files": ["sub/"] """, ["./sub/b c(+).txt: two"]);
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}/models", "files": ["*.txt"] """, all);
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}/other.txt" """, ["./other.txt: three"]);
        await ShowsAsync(
            desk,
            $$""" "buckets": [{ "url": "{{s3.Address}}/{{bucket}}/models", "files": ["a.txt"] }, { "url": "{{s3.Address}}/{{bucket}}/other.txt" }] """,
            ["./a.txt: one", "./other.txt: three"]);
    }

    [Fact]
    public async Task A_public_bucket_needs_no_keys()
    {
        var bucket = await s3.MakeBucketAsync(isPublic: true);
        await s3.PutAsync(bucket, "a.txt", "one"u8.ToArray(), isPublic: true);
        await using var desk = new Desk();

        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}" """, ["./a.txt: one"], iam: null);
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}", "files": ["a.txt"] """, ["./a.txt: one"], iam: null);
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}/a.txt" """, ["./a.txt: one"], iam: null);
    }

    [Fact]
    public async Task Keys_that_are_missing_or_wrong_are_told_apart_from_what_is_not_there_and_never_shown()
    {
        const string Wrong = "wr0ngsecretwr0ngsecretwr0ngsecretwr0ngse";
        var bucket = await s3.MakeBucketAsync();
        await s3.PutAsync(bucket, "a.txt", "one"u8.ToArray());
        await using var desk = new Desk();
        await ShowsAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}" """, ["./a.txt: one"]);

        var none = (await RunAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}" """, iam: null)).Exited(1);
        var wrong = (await RunAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}" """, s3.Keys(Wrong), options: ["--format", "json"])).Exited(1);
        var missing = (await RunAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}", "files": ["b.txt"] """, s3.Iam)).Exited(1);

        Assert.Contains("answers 403 Forbidden (AccessDenied)", none.Error, StringComparison.Ordinal);
        Assert.Contains("answers 403 Forbidden (SignatureDoesNotMatch)", wrong.Output, StringComparison.Ordinal);
        Assert.Contains($"/{bucket}/b.txt answers 404 Not Found", missing.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(Wrong, wrong.Output + wrong.Error, StringComparison.Ordinal);
        File.Delete(Path.Combine(desk.Folder, "job.json"));
        Assert.All(
            Directory.EnumerateFiles(desk.Folder, "*", SearchOption.AllDirectories),
            file => Assert.DoesNotContain(Wrong, File.ReadAllText(file), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_large_object_comes_as_it_is_and_a_changed_one_is_seen()
    {
        var bucket = await s3.MakeBucketAsync();
        var content = RandomNumberGenerator.GetBytes(40_000_000);
        await s3.PutAsync(bucket, "large.bin", content);
        await using var desk = new Desk();
        var resource = $$""" "url": "{{s3.Address}}/{{bucket}}/large.bin" """;

        var first = (await RunAsync(desk, resource, s3.Iam, script: "sha256sum /data/large.bin")).Exited(0);
        await s3.PutAsync(bucket, "large.bin", "another"u8.ToArray());
        var second = (await RunAsync(desk, resource, s3.Iam, script: "cat /data/large.bin")).Exited(0);

        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(content)), first.Output, StringComparison.Ordinal);
        Assert.Contains("another", second.Lines);
    }

    [Fact]
    public async Task More_objects_than_one_page_of_a_list_has_all_come()
    {
        var bucket = await s3.MakeBucketAsync();
        var names = Enumerable.Range(1, 1_100).Select(number => $"f{number:0000}").ToArray();
        await s3.PutAllAsync(bucket, names);
        await using var desk = new Desk();

        var said = (await RunAsync(desk, $$""" "url": "{{s3.Address}}/{{bucket}}" """, s3.Iam, script: "ls /data | wc -l; cat /data/f0001 /data/f1100")).Exited(0);

        Assert.Equal(["1100", "f0001f1100"], said.Lines.Select(line => line.Trim()));
    }

    [Fact]
    public async Task What_a_container_may_write_goes_back_and_only_what_it_changed()
    {
        var bucket = await s3.MakeBucketAsync();
        await s3.PutAsync(bucket, "work/same.txt", "same"u8.ToArray());
        await s3.PutAsync(bucket, "work/changed.txt", "before"u8.ToArray());
        await using var desk = new Desk();
        var resource = $$""" "url": "{{s3.Address}}/{{bucket}}/work", "allowWrite": true """;
        const string Script = "echo -n after > /data/changed.txt; mkdir /data/new; echo -n fresh > '/data/new/a b.txt'; head -c 70000000 /dev/zero > /data/large; rm /data/same.txt";

        var said = (await RunAsync(desk, resource, s3.Iam, script: Script)).Exited(0);
        var again = (await RunAsync(desk, resource, s3.Iam, script: "cat /data/changed.txt '/data/new/a b.txt' /data/same.txt; wc -c < /data/large")).Exited(0);

        Assert.Contains("saved 3 files, 70.0 MB", said.Error, StringComparison.Ordinal);
        Assert.Equal(["afterfreshsame70000000"], again.Lines);
        Assert.Contains("changed nothing", again.Error, StringComparison.Ordinal);
        Assert.Equal("after", await s3.GetAsync(bucket, "work/changed.txt"));
    }

    [Fact]
    public async Task What_a_failed_job_wrote_goes_back_too_and_without_keys_it_is_said_that_nothing_does()
    {
        var bucket = await s3.MakeBucketAsync(isPublic: true);
        await s3.PutAsync(bucket, "a", "one"u8.ToArray(), isPublic: true);
        await using var desk = new Desk();
        var resource = $$""" "url": "{{s3.Address}}/{{bucket}}", "allowWrite": true """;

        var without = (await RunAsync(desk, resource, iam: null, script: "echo -n three > /data/a")).Exited(0);
        (await RunAsync(desk, resource, s3.Iam, script: "echo -n two > /data/a; exit 7")).Exited(1);

        Assert.Equal("two", await s3.GetAsync(bucket, "a"));
        Assert.Contains("has no IAM keys to write with", without.Error, StringComparison.Ordinal);
    }

    private static Task<Said> RunAsync(Desk desk, string resource, string? iam, string script = Tree, string[]? options = null) => desk.RunAsync(
        Definition.Of(script, $$"""{"resources":[{ "type": "S3", "target": "/data", {{resource}}{{(iam is null ? "" : $", \"IAM\": {iam}")}} }]}"""),
        [Allowed, .. options ?? []]);

    private async Task ShowsAsync(Desk desk, string resource, string[] expected) => await ShowsAsync(desk, resource, expected, s3.Iam);

    private static async Task ShowsAsync(Desk desk, string resource, string[] expected, string? iam)
    {
        var said = (await RunAsync(desk, resource, iam)).Exited(0);
        Assert.True(expected.SequenceEqual(said.Lines), $"{resource} gave\n{said}");
    }
}
