using System.Security.Cryptography;
using Berth.Node.Resources;
using Berth.Testing.Resources;
using Xunit;
using static Berth.Tests.Node.Resources.Store;

namespace Berth.Tests.Node.Resources;

/// <summary>A file at an address comes whole, right and once, whatever its server does; else nothing of it is kept.</summary>
public sealed class HttpResourceTests
{
    private static readonly byte[] Large = Bytes(1_000_000);
    private static readonly string LargeSha = Convert.ToHexStringLower(SHA256.HashData(Large));

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16_384)]
    [InlineData(16_385)]
    [InlineData(65_536)]
    [InlineData(1_000_000)]
    public async Task A_file_comes_as_it_is(int size)
    {
        await using var store = new Store();
        var content = Bytes(size);

        var found = await store.BringAsync(Http(store.Server.Serve("/models/model.bin", new ServedFile(content))));

        Assert.False(found.WasHere);
        Assert.Equal(content, Assert.Single(Files(found), file => file.Key == "model.bin").Value);
        Assert.Equal((size, 1), (found.Entry.Bytes, found.Entry.FileCount));
    }

    [Fact]
    public async Task What_is_here_and_has_not_changed_is_not_fetched_again()
    {
        await using var store = new Store();
        var resource = Http(store.Server.Serve("/a", new ServedFile(Large)));
        await store.BringAsync(resource);
        var sent = store.Server.Sent;

        var again = await store.BringAsync(resource);

        Assert.True(again.WasHere);
        Assert.InRange(store.Server.Sent - sent, 0, 1);
    }

    [Fact]
    public async Task What_is_known_by_its_digest_is_not_even_asked_for()
    {
        await using var store = new Store();
        var resource = Http(store.Server.Serve("/a", new ServedFile(Large)), LargeSha);
        await store.BringAsync(resource);
        var requests = store.Server.Requests.Length;

        Assert.True((await store.BringAsync(resource)).WasHere);
        Assert.Equal(requests, store.Server.Requests.Length);
    }

    [Fact]
    public async Task What_has_changed_is_fetched_anew_and_the_old_one_stays_for_whoever_has_it()
    {
        await using var store = new Store();
        var resource = Http(store.Server.Serve("/a", new ServedFile(Large)));
        var old = await store.BringAsync(resource);
        store.Server.Serve("/a", new ServedFile(Bytes(900_000, seed: 2)) { ETag = "\"two\"" });

        var changed = await store.BringAsync(resource);

        Assert.False(changed.WasHere);
        Assert.Equal(Bytes(900_000, seed: 2), Files(changed)["a"]);
        Assert.Equal(Large, Files(old)["a"]);
    }

    [Fact]
    public async Task Two_who_want_the_same_fetch_it_once()
    {
        await using var store = new Store();
        var resource = Http(store.Server.Serve("/a", new ServedFile(Large) { BytesPerSecond = 2_000_000 }));

        var found = await Task.WhenAll(store.BringAsync(resource), store.BringAsync(resource), store.BringAsync(resource));

        Assert.Single(found.Select(one => one.Entry.Key).Distinct());
        Assert.Equal(2, found.Count(one => one.WasHere));
        Assert.InRange(store.Server.Sent, Large.Length, Large.Length + 3);
        Assert.Contains(store.Notes, note => note.StartsWith("Waiting for another job", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_cuts_every_answer_is_resumed_where_it_cut()
    {
        await using var store = new Store();

        var found = await store.BringAsync(Http(store.Server.Serve("/a", new ServedFile(Large) { CutsAfter = 20_000 })));

        Assert.Equal(Large, Files(found)["a"]);
        Assert.InRange(store.Server.Sent, Large.Length, Large.Length + 1);
    }

    [Fact]
    public async Task What_a_process_that_was_killed_had_fetched_is_not_fetched_again()
    {
        await using var store = new Store();
        var file = new ServedFile(Large) { BytesPerSecond = 100_000 };
        var address = store.Server.Serve("/a", file);
        using var killed = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var first = store.BringAsync(Http(address), killed.Token);
        while (store.Server.Sent < 300_000)
        {
            await Task.Yield();
        }

        await killed.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        store.Server.Serve("/a", new ServedFile(Large));
        var before = store.Server.Sent;

        var found = await store.BringAsync(Http(address));

        Assert.Equal(Large, Files(found)["a"]);
        Assert.InRange(store.Server.Sent - before, 1, 900_000);
    }

    [Fact]
    public async Task A_file_that_changes_on_the_way_is_begun_anew()
    {
        await using var store = new Store();
        var other = Bytes(1_000_000, seed: 2);
        var address = store.Server.Serve("/a", new ServedFile(Large) { CutsAfter = 20_000, BytesPerSecond = 400_000 });
        var fetching = store.BringAsync(Http(address));
        while (store.Server.Sent < 100_000)
        {
            await Task.Yield();
        }

        store.Server.Serve("/a", new ServedFile(other) { ETag = "\"two\"" });

        Assert.Equal(other, Files(await fetching)["a"]);
        Assert.Contains(store.Notes, note => note.Contains("became another file", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_without_ranges_or_lengths_serves_too()
    {
        await using var store = new Store();

        var plain = await store.BringAsync(Http(store.Server.Serve("/plain", new ServedFile(Large) { HasRanges = false })));
        var endless = await store.BringAsync(Http(store.Server.Serve("/endless", new ServedFile(Large) { HasRanges = false, HasLength = false })));

        Assert.Equal(Large, Files(plain)["plain"]);
        Assert.Equal(Large, Files(endless)["endless"]);
    }

    [Fact]
    public async Task A_server_that_stumbles_is_asked_again()
    {
        await using var store = new Store();

        var found = await store.BringAsync(Http(store.Server.Serve("/a", new ServedFile(Large).FailsFirst(500, 503, 429, 502))));

        Assert.Equal(Large, Files(found)["a"]);
    }

    [Fact]
    public async Task A_server_that_only_stumbles_is_given_up_with_its_last_word()
    {
        await using var store = new Store();

        var fault = await store.FailsAsync(Http(store.Server.Serve("/a", new ServedFile([]) { Status = 503, HasRanges = false })));

        Assert.Equal(ResourceFault.Unavailable, fault.Fault);
        Assert.Equal($"{store.Server.Address}a answers 503 Service Unavailable. Tried 7 times.", fault.Message);
    }

    [Fact]
    public async Task A_server_that_stalls_is_left_and_asked_again()
    {
        await using var store = new Store();
        store.Settings = store.Settings with { Pace = store.Settings.Pace with { Silence = TimeSpan.FromMilliseconds(300) } };

        var found = await store.BringAsync(Http(store.Server.Serve("/a", new ServedFile(Bytes(200_000)) { StallsAfter = 30_000 })));

        Assert.Equal(Bytes(200_000), Files(found)["a"]);
    }

    [Fact]
    public async Task Nobody_there_is_given_up_after_some_tries()
    {
        await using var store = new Store();
        var address = store.Server.Serve("/a", "x");
        await store.Server.StopAsync();

        var fault = await store.FailsAsync(Http(address));

        Assert.Equal(ResourceFault.Unavailable, fault.Fault);
        Assert.Contains("refuses connections", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_fetched_before_is_used_while_its_server_is_away_and_that_is_said()
    {
        await using var store = new Store();
        var resource = Http(store.Server.Serve("/a", new ServedFile(Large)));
        await store.BringAsync(resource);
        await store.Server.StopAsync();

        var found = await store.BringAsync(resource);

        Assert.True(found.WasHere);
        Assert.Contains("Using what was fetched", Assert.Single(store.Notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(404, ResourceFault.Missing)]
    [InlineData(410, ResourceFault.Missing)]
    [InlineData(401, ResourceFault.Denied)]
    [InlineData(403, ResourceFault.Denied)]
    [InlineData(400, ResourceFault.Unusable)]
    public async Task A_refusal_is_taken_at_once(int status, ResourceFault expected)
    {
        await using var store = new Store();

        var fault = await store.FailsAsync(Http(store.Server.Serve("/a", new ServedFile([]) { Status = status, HasRanges = false })));

        Assert.Equal(expected, fault.Fault);
        Assert.Contains($"answers {status}", fault.Message, StringComparison.Ordinal);
        Assert.Single(store.Server.Requests);
    }

    [Fact]
    public async Task Another_digest_is_refused_and_nothing_of_it_is_kept()
    {
        await using var store = new Store();
        var address = store.Server.Serve("/a", new ServedFile(Large));
        var wrong = new string('0', 64);

        var fault = await store.FailsAsync(Http(address, wrong));
        var again = await store.FailsAsync(Http(address, wrong));

        Assert.All([fault, again], one => Assert.Equal(ResourceFault.Mismatch, one.Fault));
        Assert.Contains(LargeSha, fault.Message, StringComparison.Ordinal);
        Assert.Empty(store.Open().Cache.List());
        Assert.InRange(store.Server.Sent, 2 * Large.Length, (2 * Large.Length) + 10);
    }

    [Fact]
    public async Task Another_size_is_refused_before_anything_is_fetched()
    {
        await using var store = new Store();

        var fault = await store.FailsAsync(Http(store.Server.Serve("/a", new ServedFile(Large)), size: 999_999));

        Assert.Equal(ResourceFault.Mismatch, fault.Fault);
        Assert.InRange(store.Server.Sent, 0, 1);
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(-1_000)]
    public async Task A_server_that_lies_about_the_length_is_found_out(int by)
    {
        await using var store = new Store();

        var fault = await store.FailsAsync(Http(store.Server.Serve("/a", new ServedFile(Bytes(8_000)) { HasRanges = false, LiesBy = by }), Convert.ToHexStringLower(SHA256.HashData(Bytes(8_000)))));

        Assert.True(fault.Fault is ResourceFault.Mismatch or ResourceFault.Unavailable, fault.Message);
        Assert.Empty(store.Open().Cache.List());
    }

    [Fact]
    public async Task An_endless_answer_ends_at_what_the_host_keeps()
    {
        await using var store = new Store();
        store.Settings = store.Settings with { MostBytes = 3_000_000 };

        var fault = await store.FailsAsync(Http(store.Server.Serve("/a", new ServedFile(long.MaxValue / 2, (_, bytes) => bytes.Clear()) { HasRanges = false, HasLength = false })));

        Assert.Equal(ResourceFault.TooMuch, fault.Fault);
        Assert.InRange(store.Server.Sent, 1, 30_000_000);
    }

    [Fact]
    public async Task Cancelling_ends_a_download_at_once()
    {
        await using var store = new Store();
        var address = store.Server.Serve("/a", new ServedFile(Large) { StallsAfter = 1_000 });
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var fetching = store.BringAsync(Http(address), cancelled.Token);
        while (store.Server.Sent < 1_000)
        {
            await Task.Yield();
        }

        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetching.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, CancellationToken.None));
    }

    [Fact]
    public async Task Progress_tells_bytes_of_how_many_and_how_fast()
    {
        await using var store = new Store();

        await store.BringAsync(Http(store.Server.Serve("/a", new ServedFile(Large) { BytesPerSecond = 100_000 })));

        Assert.Equal((0, 1_000_000), (store.Progress[0].Bytes, store.Progress[0].TotalBytes));
        Assert.Contains(store.Progress, progress => progress is { Bytes: > 0 and < 1_000_000, BytesPerSecond: > 1_000, Left: not null });
    }

    [Fact]
    public async Task A_name_that_says_where_to_go_stays_a_file_in_the_folder()
    {
        await using var store = new Store();
        store.Server.Otherwise = _ => new ServedFile([1, 2, 3]);

        foreach (var path in (string[])["..%2F..%2Fetc%2Fpasswd", "a/%2e%2e", "", "%00"])
        {
            var found = await store.BringAsync(Http(new Uri(store.Server.Address + path)));

            Assert.StartsWith(store.Home, Path.GetFullPath(Assert.Single(Directory.GetFiles(found.Entry.Files))), StringComparison.Ordinal);
        }
    }
}
