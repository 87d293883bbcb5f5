using System.Security.Cryptography;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Xunit;

namespace Berth.Testing.Network;

/// <summary>What a market promises of artefacts, on every database it may live in.</summary>
public abstract class ArtefactMarketTests
{
    private static readonly OperationId One = new("one");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>A network over a database of its own.</summary>
    protected abstract Task<TestNetwork> StartAsync(Action<Berth.Server.ServerOptions>? configure = null);

    [Fact]
    public async Task An_artefact_sent_in_parts_is_one_content_that_its_owner_can_fetch_from_any_byte_on()
    {
        await using var network = await StartAsync();
        var (node, lease) = await RunningAsync(network);
        var bytes = RandomNumberGenerator.GetBytes((9 << 20) + 7);

        var ended = await SendAsync(node.Client, lease, bytes);
        await node.FinishAsync(lease);

        Assert.Equal(UnixFsHasher.IdOf(bytes), ended.Content);
        var artefact = Assert.Single((await network.Client.GetJobAsync(lease.Job, Ct)).Artefacts);
        Assert.Equal((One, "output", "/output", UnixFsHasher.IdOf(bytes), (long)bytes.Length, 3, 12L), (artefact.Operation, artefact.Name, artefact.Path, artefact.Content, artefact.Size, artefact.Files, artefact.Bytes));
        Assert.Equal(bytes, await ReadAsync(network.Client, lease.Job, artefact.Content, 0));
        Assert.Equal(bytes[5_000_000..], await ReadAsync(network.Client, lease.Job, artefact.Content, 5_000_000));
        Assert.Equal(ProblemTypes.BadRange, (await Assert.ThrowsAsync<MarketException>(() => ReadAsync(network.Client, lease.Job, artefact.Content, bytes.Length))).Code);
        Assert.Empty(await network.AskAsync("select number from upload_parts"));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Parts_and_ends_that_are_repeated_change_nothing_and_another_part_takes_the_place_of_one()
    {
        await using var network = await StartAsync();
        var (node, lease) = await RunningAsync(network);
        var opening = Opening(lease);
        await node.Client.OpenUploadAsync(opening, Ct);
        byte[] first = [1, 2, 3], wrong = [9], second = [4, 5];

        await node.Client.PutPartAsync(opening.Upload, 2, wrong, Ct);
        await node.Client.PutPartAsync(opening.Upload, 1, first, Ct);
        await node.Client.PutPartAsync(opening.Upload, 1, first, Ct);
        await node.Client.PutPartAsync(opening.Upload, 2, second, Ct);

        var receipt = await node.Client.OpenUploadAsync(opening, Ct);
        Assert.Equal([(1, 3), (2, 2)], receipt.Parts.Select(part => (part.Number, part.Size)));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(second)), receipt.Parts[1].Digest);
        var ending = new UploadEnding { Parts = 2, Size = 5, Content = UnixFsHasher.IdOf([1, 2, 3, 4, 5]) };
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => node.Client.EndUploadAsync(opening.Upload, ending, Ct)));
        Assert.All(answers, answer => Assert.Equal(ending.Content, answer.Content));
        Assert.Equal(ending.Content, (await node.Client.OpenUploadAsync(opening, Ct)).Content);
        await node.FinishAsync(lease);
        Assert.Equal([1, 2, 3, 4, 5], await ReadAsync(network.Client, lease.Job, ending.Content, 0));
    }

    [Fact]
    public async Task Parts_that_are_missing_or_are_not_what_they_should_be_make_no_artefact()
    {
        await using var network = await StartAsync();
        var (node, lease) = await RunningAsync(network);
        var opening = Opening(lease);
        await node.Client.OpenUploadAsync(opening, Ct);
        await node.Client.PutPartAsync(opening.Upload, 1, new byte[] { 1 }, Ct);
        await node.Client.PutPartAsync(opening.Upload, 3, new byte[] { 3 }, Ct);

        var missing = await RefusedAsync(() => node.Client.EndUploadAsync(opening.Upload, new UploadEnding { Parts = 3, Size = 3, Content = UnixFsHasher.IdOf([1, 2, 3]) }, Ct));
        await node.Client.PutPartAsync(opening.Upload, 2, new byte[] { 2 }, Ct);
        var other = await RefusedAsync(() => node.Client.EndUploadAsync(opening.Upload, new UploadEnding { Parts = 3, Size = 3, Content = UnixFsHasher.IdOf([7, 7, 7]) }, Ct));

        Assert.Equal((ProblemTypes.BadRequest, ProblemTypes.Conflict), (missing.Code, other.Code));
        Assert.Empty((await network.Client.GetJobAsync(lease.Job, Ct)).Artefacts);
        Assert.Equal(UnixFsHasher.IdOf([1, 2, 3]), (await node.Client.EndUploadAsync(opening.Upload, new UploadEnding { Parts = 3, Size = 3, Content = UnixFsHasher.IdOf([1, 2, 3]) }, Ct)).Content);
    }

    [Fact]
    public async Task A_run_that_lost_its_lease_adds_nothing_and_its_parts_are_swept()
    {
        await using var network = await StartAsync();
        var (silent, lost) = await RunningAsync(network);
        var opening = Opening(lost);
        await silent.Client.OpenUploadAsync(opening, Ct);
        await silent.Client.PutPartAsync(opening.Upload, 1, new byte[] { 1 }, Ct);
        await SendAsync(silent.Client, lost, [5, 5, 5], "whole");
        await network.PassAsync(network.LeaseLength + TimeSpan.FromSeconds(1));
        var other = await network.NodeAsync();
        var again = await other.StartAsync();

        // Forgotten already, or soon.
        string[] gone = [ProblemTypes.LeaseLost, ProblemTypes.NotFound];
        Assert.Contains((await RefusedAsync(() => silent.Client.PutPartAsync(opening.Upload, 2, new byte[] { 2 }, Ct))).Code, gone);
        Assert.Equal(ProblemTypes.LeaseLost, (await RefusedAsync(() => silent.Client.OpenUploadAsync(opening, Ct))).Code);
        Assert.Contains((await RefusedAsync(() => silent.Client.EndUploadAsync(opening.Upload, new UploadEnding { Parts = 1, Size = 1, Content = UnixFsHasher.IdOf([1]) }, Ct))).Code, gone);
        Assert.Equal(ProblemTypes.NotAllowed, (await RefusedAsync(() => other.Client.OpenUploadAsync(opening with { Artefact = opening.Artefact! with { Fence = again.Fence } }, Ct))).Code);
        await SendAsync(other.Client, again, [6, 6]);
        await other.FinishAsync(again);
        await network.SweepAsync();

        Assert.Equal([UnixFsHasher.IdOf([6, 6])], (await network.Client.GetJobAsync(again.Job, Ct)).Artefacts.Select(artefact => artefact.Content));
        Assert.Empty(await network.AskAsync("select number from upload_parts"));
        Assert.Single(await network.AskAsync("select upload from uploads"));
    }

    [Fact]
    public async Task An_artefact_that_is_too_large_is_refused_and_says_by_how_much()
    {
        await using var network = await StartAsync(options => (options.LargestArtefact, options.LargestArtefacts) = (2, 3));
        var (node, lease) = await RunningAsync(network);

        var large = await RefusedAsync(() => SendAsync(node.Client, lease, new byte[(2 << 20) + 1]));
        await SendAsync(node.Client, lease, new byte[2 << 20], "fits");
        var together = await RefusedAsync(() => SendAsync(node.Client, lease, new byte[3 << 19], "beyond"));

        Assert.Equal((ProblemTypes.TooLarge, "An artefact has at most 2097152 bytes here, packed."), (large.Code, large.Message));
        Assert.Equal((ProblemTypes.TooLarge, "All artefacts of a run have at most 3145728 bytes here, packed."), (together.Code, together.Message));
    }

    [Fact]
    public async Task Artefacts_are_read_by_those_who_may_read_the_result()
    {
        await using var network = await StartAsync();
        await network.NodeAsync();
        using var key = SigningKey.New();
        var (stranger, nobody) = (network.Connect(key), network.Connect(null));
        foreach (var isPublic in new[] { false, true })
        {
            var (node, lease) = await RunningAsync(network, TestNetwork.APost() with { IsPublic = isPublic });
            var content = (await SendAsync(node.Client, lease, [1, isPublic ? (byte)1 : (byte)0])).Content!.Value;
            await node.FinishAsync(lease);

            foreach (var reader in new[] { network.Client, node.Client, network.Operator })
            {
                Assert.Equal(2, (await ReadAsync(reader, lease.Job, content, 0)).Length);
            }

            foreach (var other in new[] { stranger, nobody })
            {
                Assert.Equal(isPublic ? 1 : 0, (await other.GetJobAsync(lease.Job, Ct)).Artefacts.Length);
                var reading = await Record.ExceptionAsync(() => ReadAsync(other, lease.Job, content, 0));
                Assert.Equal(isPublic ? null : ProblemTypes.NotAllowed, (reading as MarketException)?.Code);
            }

            var foreign = (await network.PostAsync()).Facts.Job;
            Assert.Equal(ProblemTypes.NotFound, (await RefusedAsync(() => ReadAsync(network.Client, foreign, content, 0))).Code);
            await network.Client.StopAsync(foreign, Ct);
        }
    }

    [Fact]
    public async Task A_job_whose_time_is_up_is_not_ended_by_the_market_while_what_it_left_behind_comes_in()
    {
        await using var network = await StartAsync();
        var (node, lease) = await RunningAsync(network);
        var opening = Opening(lease);
        await node.Client.OpenUploadAsync(opening, Ct);
        for (var number = 1; number <= 20; number++)
        {
            await node.Client.PutPartAsync(opening.Upload, number, new[] { (byte)number }, Ct);
            for (var quarter = 0; quarter < 4; quarter++)
            {
                await node.RenewAsync(lease);
                await network.PassAsync(TimeSpan.FromSeconds(15));
            }
        }

        Assert.Equal(JobState.Running, (await network.Client.GetJobAsync(lease.Job, Ct)).Facts.State);
        for (var quarter = 0; quarter < 4; quarter++)
        {
            await node.RenewAsync(lease);
            await network.PassAsync(TimeSpan.FromSeconds(15));
        }

        await node.RenewAsync(lease);
        await network.PassAsync(TimeSpan.FromSeconds(15));
        Assert.Equal(JobOutcome.Expired, (await network.Client.GetJobAsync(lease.Job, Ct)).Facts.Outcome);
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Contents_that_nothing_refers_to_go_after_a_day_and_all_others_stay()
    {
        await using var network = await StartAsync(options => options.Keep = 30);
        var (node, lease) = await RunningAsync(network);
        await node.ReportAsync(lease, TestNode.Story(lease, RunOutcome.Succeeded)[..2], [TestNode.Lines("one", 1, 50)]);
        var artefact = (await SendAsync(node.Client, lease, RandomNumberGenerator.GetBytes(5 << 20))).Content!.Value;
        await node.FinishAsync(lease);
        var refused = TestNetwork.APost() with { MaxPrice = Nos.Zero };
        refused = refused with { Definition = refused.Definition.Replace("true", "false", StringComparison.Ordinal) };
        Assert.Equal(ProblemTypes.TooExpensive, (await RefusedAsync(() => network.PostAsync(refused))).Code);
        var idle = new UploadOpening { Upload = UploadId.Of("idle") };
        await network.Client.OpenUploadAsync(idle, Ct);
        await network.Client.PutPartAsync(idle.Upload, 1, new byte[] { 1, 2, 3 }, Ct);
        await network.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal((7, 0), await network.CollectAsync() is var young ? (young.Looked, young.Removed) : default);

        network.Time.Advance(TimeSpan.FromHours(25));
        await network.SweepAsync();

        // Gone are the two parts of the artefact, and the part of the upload that nobody went on with.
        await network.CollectAsync();
        Assert.Equal(4, (await network.CollectAsync()).Looked);
        Assert.Equal(5 << 20, (await ReadAsync(network.Client, lease.Job, artefact, 0)).Length);
        Assert.Equal(50, (await network.EventsAsync(lease.Job, long.MaxValue)).OfType<LogWritten>().Sum(written => written.Chunk.Unpack().Count));
        Assert.Empty(await network.MissingAsync());

        network.Time.Advance(TimeSpan.FromDays(31));
        await network.SweepAsync();
        await network.CollectAsync();

        Assert.Equal(0, (await network.CollectAsync()).Looked);
        Assert.Empty((await network.Client.GetJobAsync(lease.Job, Ct)).Artefacts);
        Assert.Contains("older than this market keeps them", (await RefusedAsync(() => network.Client.GetResultAsync(lease.Job, Ct))).Message, StringComparison.Ordinal);
        Assert.Empty(await network.MissingAsync());
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task A_content_that_is_gone_from_the_store_is_found_by_the_audit()
    {
        await using var network = await StartAsync();
        var (node, lease) = await RunningAsync(network);
        await node.FinishAsync(lease);
        Assert.Empty(await network.MissingAsync());

        await network.SpoilAsync($"update jobs set result = '{UnixFsHasher.IdOf([4, 2])}'");

        Assert.Equal([$"The content {UnixFsHasher.IdOf([4, 2])} of job {lease.Job} is not in the content folder {network.ContentFolder}."], await network.MissingAsync());
    }

    private static UploadOpening Opening(Lease lease, string name = "output") => new()
    {
        Upload = UploadId.OfArtefact(lease.Run, One, name),
        Artefact = new ArtefactOrigin(lease.Run, lease.Fence, One, name, "/output"),
    };

    private static async Task<(TestNode Node, Lease Lease)> RunningAsync(TestNetwork network, JobPost? post = null)
    {
        var node = await network.NodeAsync();
        await network.PostAsync(post);
        return (node, await node.StartAsync());
    }

    private static async Task<UploadReceipt> SendAsync(MarketClient client, Lease lease, byte[] bytes, string name = "output")
    {
        var opening = Opening(lease, name);
        var receipt = await client.OpenUploadAsync(opening, Ct);
        await using var parts = new UploadStream(opening.Upload, receipt, (number, part, ct) => client.PutPartAsync(opening.Upload, number, part, ct));
        await parts.WriteAsync(bytes, Ct);
        return await client.EndUploadAsync(opening.Upload, await parts.EndAsync(Ct) with { Files = 3, Bytes = 12 }, Ct);
    }

    private static async Task<byte[]> ReadAsync(MarketClient client, JobId job, ContentId content, long from)
    {
        await using var download = await client.GetContentAsync(job, content, from, Ct);
        using var bytes = new MemoryStream();
        var buffer = new byte[100_000];
        for (int read; (read = await download.ReadAsync(buffer, Ct)) > 0;)
        {
            bytes.Write(buffer.AsSpan(0, read));
        }

        return bytes.ToArray();
    }

    private static async Task<MarketException> RefusedAsync(Func<Task> ask) => await Assert.ThrowsAsync<MarketException>(ask);
}
