using System.Collections.Immutable;
using System.Formats.Tar;
using System.Text;
using Berth.Containers;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Testing.Containers;

/// <summary>
/// What every container engine promises, run once for each: the scripted one, Docker, Podman. An implementation says how its containers come to
/// print, sleep and exit; everything made carries a label of this test and is removed after it.
/// </summary>
public abstract class ContainerEngineTests : IAsyncLifetime
{
    private const int MaxLine = 16 << 20;

    private readonly string _prefix = $"berth-test-{Guid.NewGuid():N}"[..18];

    protected abstract IContainerEngine Engine { get; }

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected string LabelValue => _prefix;

    protected ImmutableDictionary<string, string> Labels => ImmutableDictionary<string, string>.Empty.Add("berth.test", _prefix);

    /// <summary>Prints <c>line 1</c> to <c>line N</c> on stdout and exits with 0.</summary>
    protected abstract ContainerSpec PrintsLines(int count);

    /// <summary>Prints <c>out</c> on stdout and <c>err</c> on stderr and exits with 0.</summary>
    protected abstract ContainerSpec PrintsOnBothStreams();

    /// <summary>Prints that many bytes <c>x</c> and a newline, then <c>end</c> without one, and exits with 0.</summary>
    protected abstract ContainerSpec PrintsLongLine(long bytes);

    protected abstract ContainerSpec ExitsWith(int code);

    /// <summary>Prints <c>ready</c>, then runs until it is stopped; ends with 143 at SIGTERM.</summary>
    protected abstract ContainerSpec RunsUntilStopped();

    /// <summary>Prints <c>ready</c>, then runs on whatever SIGTERM says.</summary>
    protected abstract ContainerSpec IgnoresStop();

    /// <summary>Prints <c>first</c>, then <c>second</c> when it is stopped.</summary>
    protected abstract ContainerSpec PrintsWhenStopped();

    /// <summary>Leaves <c>/output/result.txt</c> with the text <c>forty-two</c>.</summary>
    protected abstract ContainerSpec LeavesOutput();

    protected abstract ContainerSpec CannotBeStarted();

    /// <summary>Prints <c>PATH: TEXT</c> for every file that is mounted below the folder, in order, and exits with 0.</summary>
    protected abstract ContainerSpec ReadsFiles(string folder);

    public virtual ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        foreach (var thing in (await Engine.ListOwnedAsync("berth.test", _prefix, CancellationToken.None)).OrderBy(thing => thing.Kind))
        {
            await (thing.Kind switch
            {
                OwnedKind.Container => Engine.RemoveAsync(thing.Name, CancellationToken.None),
                OwnedKind.Network => Engine.RemoveNetworkAsync(thing.Name, CancellationToken.None),
                _ => Engine.RemoveVolumeAsync(thing.Name, CancellationToken.None),
            });
        }
    }

    [Fact]
    public async Task An_engine_says_who_it_is()
    {
        var engine = await Engine.DescribeAsync(Ct);

        Assert.NotEmpty(engine.Version);
        Assert.NotEmpty(engine.ApiVersion);
        Assert.StartsWith("linux/", engine.Platform, StringComparison.Ordinal);
        Assert.True(engine.Cpus > 0);
        Assert.True(engine.MemoryBytes > 0);
        Assert.True(engine.EnforcesLimits);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(137)]
    public async Task A_container_ends_with_its_exit_code(int code)
    {
        var name = await StartAsync(ExitsWith(code));

        var status = await Engine.WaitAsync(name, Ct);

        Assert.Equal(code, status.ExitCode);
        Assert.Equal("exited", status.State);
        Assert.True(status.HasEnded);
        Assert.False(status.IsRunning);
        Assert.False(status.OutOfMemory);
        Assert.NotNull(status.StartedAt);
        Assert.True(status.FinishedAt >= status.StartedAt);
    }

    [Fact]
    public async Task Waiting_twice_gives_the_same_status_and_waiting_for_nothing_is_not_found()
    {
        var name = await StartAsync(ExitsWith(3));

        Assert.Equal(3, (await Engine.WaitAsync(name, Ct)).ExitCode);
        Assert.Equal(3, (await Engine.WaitAsync(name, Ct)).ExitCode);
        var fault = await Assert.ThrowsAsync<EngineException>(() => Engine.WaitAsync(Name("nobody"), Ct));
        Assert.Equal(EngineFault.NotFound, fault.Fault);
        Assert.Contains(Name("nobody"), fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_created_container_does_not_run_before_it_is_started()
    {
        var name = await CreateAsync(RunsUntilStopped());

        var status = await Engine.InspectAsync(name, Ct);

        Assert.Equal("created", status?.State);
        Assert.False(status?.IsRunning);
        Assert.False(status?.HasEnded);
        Assert.Null(status?.StartedAt);
        Assert.Equal(_prefix, status?.Labels["berth.test"]);
    }

    [Fact]
    public async Task Creating_a_container_again_keeps_the_one_there_is()
    {
        var spec = Named(ExitsWith(3));
        await Engine.CreateAsync(spec, Ct);
        var first = await Engine.InspectAsync(spec.Name, Ct);
        await Engine.StartAsync(spec.Name, Ct);
        await Engine.WaitAsync(spec.Name, Ct);

        await Engine.CreateAsync(spec, Ct);

        var second = await Engine.InspectAsync(spec.Name, Ct);
        Assert.Equal(first?.Id, second?.Id);
        Assert.Equal(3, second?.ExitCode);
    }

    [Fact]
    public async Task Starting_a_running_container_leaves_it_running()
    {
        var name = await StartAsync(RunsUntilStopped());
        var before = await Engine.InspectAsync(name, Ct);

        await Engine.StartAsync(name, Ct);

        var after = await Engine.InspectAsync(name, Ct);
        Assert.True(after?.IsRunning);
        Assert.Equal(before?.StartedAt, after?.StartedAt);
    }

    [Fact]
    public async Task Inspecting_nothing_is_null()
    {
        Assert.Null(await Engine.InspectAsync(Name("nobody"), Ct));
    }

    [Fact]
    public async Task Starting_nothing_is_not_found()
    {
        var fault = await Assert.ThrowsAsync<EngineException>(() => Engine.StartAsync(Name("nobody"), Ct));

        Assert.Equal(EngineFault.NotFound, fault.Fault);
    }

    [Fact]
    public async Task A_program_that_is_not_there_cannot_be_started()
    {
        var name = await CreateAsync(CannotBeStarted());

        var fault = await Assert.ThrowsAsync<EngineException>(() => Engine.StartAsync(name, Ct));

        Assert.Equal(EngineFault.CannotStart, fault.Fault);
        Assert.Contains(name, fault.Message, StringComparison.Ordinal);
        Assert.Contains("no-such-program", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_lets_a_container_end_by_itself()
    {
        var name = await StartAsync(RunsUntilStopped());
        await PrintedAsync(name, "ready");

        await Engine.StopAsync(name, TimeSpan.FromSeconds(30), Ct);

        Assert.Equal(143, (await Engine.WaitAsync(name, Ct)).ExitCode);
    }

    [Fact]
    public async Task What_ignores_the_stop_is_killed_after_the_grace()
    {
        var name = await StartAsync(IgnoresStop());
        await PrintedAsync(name, "ready");

        await Engine.StopAsync(name, TimeSpan.FromSeconds(1), Ct);

        Assert.Equal(137, (await Engine.WaitAsync(name, Ct)).ExitCode);
    }

    [Fact]
    public async Task Killing_ends_a_container_at_once()
    {
        var name = await StartAsync(IgnoresStop());

        await Engine.KillAsync(name, Ct);

        Assert.Equal(137, (await Engine.WaitAsync(name, Ct)).ExitCode);
    }

    [Fact]
    public async Task Stopping_and_killing_what_does_not_run_or_is_not_there_is_no_fault()
    {
        var ended = await StartAsync(ExitsWith(3));
        await Engine.WaitAsync(ended, Ct);

        foreach (var name in (string[])[ended, Name("nobody")])
        {
            await Engine.StopAsync(name, TimeSpan.FromSeconds(1), Ct);
            await Engine.KillAsync(name, Ct);
        }

        Assert.Equal(3, (await Engine.InspectAsync(ended, Ct))?.ExitCode);
    }

    [Fact]
    public async Task Removing_takes_a_running_container_away_and_removing_again_is_no_fault()
    {
        var name = await StartAsync(IgnoresStop());

        await Engine.RemoveAsync(name, Ct);
        await Engine.RemoveAsync(name, Ct);

        Assert.Null(await Engine.InspectAsync(name, Ct));
    }

    [Fact]
    public async Task Two_removals_at_once_both_succeed()
    {
        var name = await StartAsync(IgnoresStop());

        await Task.WhenAll(Engine.RemoveAsync(name, Ct), Engine.RemoveAsync(name, Ct), Engine.RemoveAsync(name, Ct));

        Assert.Null(await Engine.InspectAsync(name, Ct));
    }

    [Fact]
    public async Task The_lines_of_both_streams_are_given_with_their_times()
    {
        var name = await StartAsync(PrintsOnBothStreams());
        var status = await Engine.WaitAsync(name, Ct);

        var lines = await ReadAsync(name, follow: false);

        Assert.Equal("out", Assert.Single(lines, line => line.Stream == LogStream.Stdout).Text);
        Assert.Equal("err", Assert.Single(lines, line => line.Stream == LogStream.Stderr).Text);
        Assert.All(lines, line => Assert.InRange(line.At, status.StartedAt!.Value.AddSeconds(-1), status.FinishedAt!.Value.AddSeconds(1)));
    }

    [Theory]
    [InlineData(2_000)]
    [InlineData(20_000)]
    [InlineData(100_000)]
    public async Task Following_a_burst_that_exits_at_once_loses_nothing(int count)
    {
        var name = await StartAsync(PrintsLines(count));

        var lines = await ReadAsync(name, follow: true);

        AssertLines(lines, 1, count);
        Assert.False((await Engine.InspectAsync(name, Ct))?.IsRunning);
    }

    [Fact]
    public async Task Following_gives_lines_while_the_container_runs_and_ends_with_it()
    {
        var name = await StartAsync(PrintsWhenStopped());
        var lines = new List<string>();

        await foreach (var batch in Engine.ReadLogsAsync(name, null, follow: true, MaxLine, Ct))
        {
            lines.AddRange(batch.Select(line => Encoding.UTF8.GetString(line.Text.Span)));
            if (lines is ["first"])
            {
                await Engine.StopAsync(name, TimeSpan.FromSeconds(30), Ct);
            }
        }

        Assert.Equal(["first", "second"], lines);
    }

    [Fact]
    public async Task Reading_again_from_a_line_gives_that_line_and_what_follows()
    {
        var name = await StartAsync(PrintsLines(500));
        await Engine.WaitAsync(name, Ct);
        var all = await ReadAsync(name, follow: false);
        var middle = all[250].At;

        var again = await ReadAsync(name, follow: false, since: middle);

        Assert.Equal(all.SkipWhile(line => line.At < middle), again);
    }

    [Fact]
    public async Task A_reader_that_begins_again_at_its_cursor_repeats_and_loses_nothing()
    {
        var name = await StartAsync(PrintsLines(5_000));
        await Engine.WaitAsync(name, Ct);
        var cursor = new LogCursor();
        var lines = new List<string>();

        var left = 1_234;
        await foreach (var batch in Engine.ReadLogsAsync(name, cursor.Since, follow: false, MaxLine, Ct))
        {
            foreach (var line in batch.Take(left))
            {
                Assert.True(cursor.IsNew(line));
                lines.Add(Encoding.UTF8.GetString(line.Text.Span));
            }

            left -= Math.Min(left, batch.Count);
            if (left == 0)
            {
                break;
            }
        }

        cursor.Rewind();
        await foreach (var batch in Engine.ReadLogsAsync(name, cursor.Since, follow: true, MaxLine, Ct))
        {
            foreach (var line in batch)
            {
                if (cursor.IsNew(line))
                {
                    lines.Add(Encoding.UTF8.GetString(line.Text.Span));
                }
            }
        }

        Assert.Equal(Enumerable.Range(1, 5_000).Select(number => $"line {number}"), lines);
    }

    [Fact]
    public async Task A_line_of_three_megabytes_is_one_line_and_the_last_needs_no_newline()
    {
        var name = await StartAsync(PrintsLongLine(3_000_000));

        var lines = await ReadAsync(name, follow: true);

        Assert.Equal(2, lines.Count);
        Assert.Equal(3_000_000, lines[0].Text.Length);
        Assert.Equal(0, lines[0].LeftOut);
        Assert.DoesNotContain(lines[0].Text, letter => letter != 'x');
        Assert.Equal("end", lines[1].Text);
    }

    [Fact]
    public async Task A_line_past_the_limit_is_cut_and_says_how_much_is_left_out()
    {
        var name = await StartAsync(PrintsLongLine(100_000));

        var lines = await ReadAsync(name, follow: true, maxLine: 40_000);

        Assert.Equal(2, lines.Count);
        Assert.Equal(40_000, lines[0].Text.Length);
        Assert.Equal(60_000, lines[0].LeftOut);
        Assert.Equal("end", lines[1].Text);
    }

    [Fact]
    public async Task The_log_of_nothing_is_not_found()
    {
        var fault = await Assert.ThrowsAsync<EngineException>(() => ReadAsync(Name("nobody"), follow: true));

        Assert.Equal(EngineFault.NotFound, fault.Fault);
    }

    [Fact]
    public async Task Making_a_network_again_finds_it_and_removing_it_again_is_no_fault()
    {
        var spec = new NetworkSpec(Name("net"), Bridge(), Labels);

        var first = await Engine.CreateNetworkAsync(spec, Ct);
        var second = await Engine.CreateNetworkAsync(spec, Ct);

        Assert.Equal(spec.Name, first.Name);
        Assert.Equal(spec.BridgeName, first.BridgeName);
        Assert.NotEmpty(first.Subnets);
        Assert.Equal(first.Subnets, second.Subnets);
        Assert.Single(await Engine.ListOwnedAsync("berth.test", _prefix, Ct));

        await Engine.RemoveNetworkAsync(spec.Name, Ct);
        await Engine.RemoveNetworkAsync(spec.Name, Ct);
        Assert.Empty(await Engine.ListOwnedAsync("berth.test", _prefix, Ct));
    }

    [Fact]
    public async Task A_network_that_still_has_a_container_is_removed_too()
    {
        var network = await Engine.CreateNetworkAsync(new(Name("net"), Bridge(), Labels), Ct);
        await StartAsync(RunsUntilStopped() with { Network = network.Name, NetworkAliases = ["sleeper"] });

        await Engine.RemoveNetworkAsync(network.Name, Ct);

        Assert.DoesNotContain(await Engine.ListOwnedAsync("berth.test", _prefix, Ct), thing => thing.Kind == OwnedKind.Network);
    }

    [Fact]
    public async Task A_running_container_has_an_address_of_its_network()
    {
        var network = await Engine.CreateNetworkAsync(new(Name("net"), Bridge(), Labels), Ct);
        var name = await StartAsync(RunsUntilStopped() with { Network = network.Name, NetworkAliases = ["sleeper"] });

        var address = (await Engine.InspectAsync(name, Ct))?.Address;

        Assert.NotNull(address);
        Assert.Contains(network.Subnets, subnet => subnet.Contains(address));
    }

    [Fact]
    public async Task A_published_port_is_a_port_of_the_loopback_interface()
    {
        var network = await Engine.CreateNetworkAsync(new(Name("net"), Bridge(), Labels), Ct);
        var name = await StartAsync(RunsUntilStopped() with { Network = network.Name, PublishedPorts = [8080, 9090] });

        var ports = (await Engine.InspectAsync(name, Ct))!.PublishedPorts;

        Assert.Equal([8080, 9090], ports.Keys.Order());
        Assert.All(ports.Values, port => Assert.InRange(port, 1, 65535));
        Assert.NotEqual(ports[8080], ports[9090]);
    }

    [Fact]
    public async Task Making_a_volume_again_keeps_it_and_removing_it_again_is_no_fault()
    {
        var spec = new VolumeSpec(Name("volume"), Labels);

        await Engine.CreateVolumeAsync(spec, Ct);
        await Engine.CreateVolumeAsync(spec, Ct);
        Assert.Single(await Engine.ListOwnedAsync("berth.test", _prefix, Ct));

        await Engine.RemoveVolumeAsync(spec.Name, Ct);
        await Engine.RemoveVolumeAsync(spec.Name, Ct);
        Assert.Empty(await Engine.ListOwnedAsync("berth.test", _prefix, Ct));
    }

    [Fact]
    public async Task What_carries_a_label_is_listed_by_kind_name_and_labels()
    {
        await Engine.CreateVolumeAsync(new(Name("volume"), Labels), Ct);
        await Engine.CreateNetworkAsync(new(Name("net"), Bridge(), Labels), Ct);
        var container = await CreateAsync(ExitsWith(0));

        var owned = await Engine.ListOwnedAsync("berth.test", _prefix, Ct);
        var any = await Engine.ListOwnedAsync("berth.test", null, Ct);

        Assert.Equal(
            [(OwnedKind.Container, container), (OwnedKind.Network, Name("net")), (OwnedKind.Volume, Name("volume"))],
            owned.OrderBy(thing => thing.Kind).Select(thing => (thing.Kind, thing.Name)));
        Assert.All(owned, thing => Assert.Equal(_prefix, thing.Labels["berth.test"]));
        Assert.All(owned, thing => Assert.NotNull(thing.CreatedAt));
        Assert.Superset(owned.Select(thing => thing.Name).ToHashSet(), any.Select(thing => thing.Name).ToHashSet());
        Assert.Empty(await Engine.ListOwnedAsync("berth.test", "somebody-else", Ct));
    }

    [Fact]
    public async Task A_path_is_copied_out_of_an_ended_container_as_a_tar()
    {
        var name = await StartAsync(LeavesOutput());
        await Engine.WaitAsync(name, Ct);

        await using var tar = await Engine.CopyOutAsync(name, "/output", Ct);

        var texts = new Dictionary<string, string>();
        await using var reader = new TarReader(tar!);
        while (await reader.GetNextEntryAsync(cancellationToken: Ct) is { } entry)
        {
            if (entry.DataStream is { } data)
            {
                using var text = new StreamReader(data);
                texts[entry.Name] = (await text.ReadToEndAsync(Ct)).TrimEnd();
            }
        }

        Assert.Equal("forty-two", Assert.Contains("output/result.txt", texts));
    }

    [Fact]
    public async Task A_folder_of_this_machine_is_read_in_a_container()
    {
        var folder = Directory.CreateTempSubdirectory("berth-mounted-");
        try
        {
            Directory.CreateDirectory(Path.Combine(folder.FullName, "sub"));
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "a.txt"), "one", Ct);
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "sub", "b.txt"), "two", Ct);

            var name = await StartAsync(ReadsFiles("/models") with { Folders = [new(folder.FullName, "/models")] });

            Assert.Equal(["/models/a.txt: one", "/models/sub/b.txt: two"], (await ReadAsync(name, follow: true)).Select(line => line.Text));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task What_is_copied_into_a_volume_before_the_start_is_there_and_can_be_copied_out()
    {
        var volume = new VolumeSpec(Name("copy"), Labels);
        await Engine.CreateVolumeAsync(volume, Ct);
        var name = await CreateAsync(ReadsFiles("/copy") with { Volumes = [new(volume.Name, "/copy")] });

        for (var time = 1; time <= 2; time++)
        {
            await Engine.CopyInAsync(name, "/copy", PackAsync, Ct);
        }

        await Engine.StartAsync(name, Ct);
        Assert.Equal(["/copy/a.txt: one", "/copy/sub/b.txt: two"], (await ReadAsync(name, follow: true)).Select(line => line.Text));
        await using var tar = await Engine.CopyOutAsync(name, "/copy", Ct);
        Assert.NotNull(tar);

        static async Task PackAsync(Stream stream, CancellationToken ct)
        {
            await using var tar = new TarWriter(stream, leaveOpen: true);
            foreach (var (path, text) in new[] { ("a.txt", "one"), ("sub/b.txt", "two") })
            {
                await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) }, ct);
            }
        }
    }

    [Fact]
    public async Task Copying_into_no_container_is_not_found()
    {
        var fault = await Assert.ThrowsAsync<EngineException>(() => Engine.CopyInAsync(Name("nobody"), "/copy", (_, _) => Task.CompletedTask, Ct));

        Assert.Equal(EngineFault.NotFound, fault.Fault);
    }

    [Fact]
    public async Task A_path_that_is_not_there_is_copied_out_as_null()
    {
        var name = await CreateAsync(LeavesOutput());

        Assert.Null(await Engine.CopyOutAsync(name, "/no/such/path", Ct));
    }

    [Fact]
    public async Task Copying_out_of_no_container_is_not_found()
    {
        var fault = await Assert.ThrowsAsync<EngineException>(() => Engine.CopyOutAsync(Name("nobody"), "/output", Ct));

        Assert.Equal(EngineFault.NotFound, fault.Fault);
    }

    [Fact]
    public async Task A_present_image_is_found_and_another_is_not()
    {
        Assert.NotEmpty((await Engine.FindImageAsync(ExitsWith(0).Image, Ct))!.Id);
        Assert.Null(await Engine.FindImageAsync("berth-test/never-made:1", Ct));
    }

    [Fact]
    public async Task A_container_of_an_image_that_is_not_there_is_not_made()
    {
        var fault = await Assert.ThrowsAsync<EngineException>(() => CreateAsync(ExitsWith(0) with { Image = "berth-test/never-made:1" }));

        Assert.Equal(EngineFault.ImageNotFound, fault.Fault);
        Assert.Contains("berth-test/never-made", fault.Message, StringComparison.Ordinal);
    }

    protected string Name(string part) => $"{_prefix}-{part}";

    protected string Bridge(string part = "") => $"b{_prefix[11..]}{part}";

    protected ContainerSpec Named(ContainerSpec spec) =>
        spec with { Name = spec.Name.Length > 0 ? spec.Name : Name(Guid.NewGuid().ToString("N")[..6]), Labels = Labels };

    protected async Task<string> CreateAsync(ContainerSpec spec)
    {
        var named = Named(spec);
        await Engine.CreateAsync(named, Ct);
        return named.Name;
    }

    protected async Task<string> StartAsync(ContainerSpec spec)
    {
        var name = await CreateAsync(spec);
        await Engine.StartAsync(name, Ct);
        return name;
    }

    protected async Task<List<ReadLine>> ReadAsync(string name, bool follow, DateTimeOffset? since = null, int maxLine = MaxLine)
    {
        var lines = new List<ReadLine>();
        await foreach (var batch in Engine.ReadLogsAsync(name, since, follow, maxLine, Ct))
        {
            lines.AddRange(batch.Select(line => new ReadLine(line.Stream, line.At, Encoding.UTF8.GetString(line.Text.Span), line.LeftOut)));
        }

        return lines;
    }

    protected async Task PrintedAsync(string name, string text)
    {
        await foreach (var batch in Engine.ReadLogsAsync(name, null, follow: true, MaxLine, Ct))
        {
            if (batch.Any(line => Encoding.UTF8.GetString(line.Text.Span) == text))
            {
                return;
            }
        }

        Assert.Fail($"{name} ended without printing '{text}'.");
    }

    protected static void AssertLines(List<ReadLine> lines, int from, int count)
    {
        Assert.Equal(count, lines.Count);
        for (var i = 0; i < count; i++)
        {
            Assert.Equal($"line {from + i}", lines[i].Text);
        }
    }

    /// <summary>A log line that is kept.</summary>
    protected sealed record ReadLine(LogStream Stream, DateTimeOffset At, string Text, long LeftOut);
}
