using System.Text;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;
using Xunit;

namespace Berth.Testing.Network;

/// <summary>Secrets and confidential jobs as the market handles them, between a client and nodes that speak to it over the wire; run once for each database.</summary>
public abstract class SealedJobTests
{
    private const string Value = "correct horse battery staple";
    private static readonly TimeSpan FiveMinutes = TimeSpan.FromMinutes(5);

    /// <summary>A network over a database of its own.</summary>
    protected abstract Task<TestNetwork> StartAsync();

    [Fact]
    public async Task Secrets_are_listed_without_values_and_only_their_owner_opens_them()
    {
        await using var network = await StartAsync();
        using var own = DecryptionKey.Of(network.ClientKey);
        await SetAsync(network, "B", isMarketHeld: false);
        await SetAsync(network, "A", isMarketHeld: true);
        await SetAsync(network, "B", isMarketHeld: false);

        var listed = (await network.Client.ListSecretsAsync(CancellationToken.None)).Items;

        Assert.Equal([("A", true), ("B", false)], listed.Select(secret => (secret.Name, secret.IsMarketHeld)));
        Assert.Equal(Value, SecretBox.Open(await network.Client.GetSecretAsync("B", CancellationToken.None), own.Owner, "B", own));
        Assert.Empty((await network.Operator.ListSecretsAsync(CancellationToken.None)).Items);
        Assert.Equal(ProblemTypes.NotFound, (await Assert.ThrowsAsync<MarketException>(() => network.Operator.GetSecretAsync("B", CancellationToken.None))).Code);
        Assert.DoesNotContain(await network.AskAsync("select box from secrets"), box => box.Contains(Value, StringComparison.Ordinal));

        await network.Client.RemoveSecretAsync("B", CancellationToken.None);
        Assert.Equal(["A"], (await network.Client.ListSecretsAsync(CancellationToken.None)).Items.Select(secret => secret.Name));
        Assert.Equal(ProblemTypes.NotFound, (await Assert.ThrowsAsync<MarketException>(() => network.Client.RemoveSecretAsync("B", CancellationToken.None))).Code);
    }

    [Fact]
    public async Task A_secret_is_sealed_for_its_owner_and_where_it_says_so_for_the_market_and_for_nobody_else()
    {
        await using var network = await StartAsync();
        using var own = DecryptionKey.Of(network.ClientKey);
        using var stranger = SigningKey.New();
        using var others = DecryptionKey.Of(stranger);
        var market = (await network.Client.DescribeAsync(CancellationToken.None)).EncryptionKey!;
        Assert.True(market.IsGenuine);
        Assert.Equal(network.OperatorKey.Address, market.Owner);

        foreach (var (box, isHeld) in new[]
        {
            (SecretBox.Seal("A", Value, own.Published, market), false),
            (SecretBox.Seal("A", Value, own.Published, others.Published), true),
            (SecretBox.Seal("A", Value, own.Published, null), true),
            (SecretBox.Seal("A", Value, others.Published, null), false),
        })
        {
            var refused = await Assert.ThrowsAsync<MarketException>(() => network.Client.SetSecretAsync("A", new SecretDraft { Box = box, IsMarketHeld = isHeld }, CancellationToken.None));
            Assert.Equal(ProblemTypes.BadRequest, refused.Code);
        }
    }

    [Fact]
    public async Task A_definition_that_names_a_secret_the_account_has_not_is_refused_with_the_place()
    {
        await using var network = await StartAsync();
        await SetAsync(network, "TOKEN", isMarketHeld: true);

        var refused = await Assert.ThrowsAsync<MarketException>(() => network.PostAsync(TestNetwork.APost(Naming("TOKEN", "TOKENS"))));

        Assert.Equal(ProblemTypes.InvalidDefinition, refused.Code);
        var fault = Assert.Single(refused.Problem!.Problems!.Value);
        Assert.Equal("$.ops[0].args.env.V1", fault.Path);
        Assert.Contains("berth secret set TOKENS", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_with_a_secret_waits_unpaid_until_its_poster_hands_over_and_is_paid_from_there()
    {
        await using var network = await StartAsync();
        var (node, opener) = await NodeAsync(network);
        await SetAsync(network, "TOKEN", isMarketHeld: false);
        var job = await PostAsync(network, Naming("TOKEN"));
        Assert.Equal(JobSealing.Poster, job.Sealing);

        var lease = await node.StartAsync();
        Assert.True(lease.IsSealed);
        Assert.Null(await node.Client.OpenAsync(lease.Run, new OpeningRequest { Fence = lease.Fence }, CancellationToken.None));
        network.Time.Advance(TimeSpan.FromSeconds(20));
        await node.RenewAsync(lease);
        Assert.Null((await network.Client.GetJobAsync(lease.Job, CancellationToken.None)).Facts.StartedAt);
        await ServeAsync(network);
        var handover = await OpenAsync(node, opener, lease);
        network.Time.Advance(TimeSpan.FromSeconds(9.5));
        await node.FinishAsync(lease);

        Assert.Equal(Value, handover?.Secrets["TOKEN"]);
        var ended = await network.Client.GetJobAsync(lease.Job, CancellationToken.None);
        Assert.Equal((JobOutcome.Succeeded, 1, new Nos(70)), (ended.Facts.Outcome, ended.Facts.Attempt, ended.Cost!.Value));
        Assert.DoesNotContain(await network.AskAsync("select handover from jobs"), kept => kept.Contains(Value, StringComparison.Ordinal));
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task Nothing_can_be_told_of_a_run_before_it_was_opened()
    {
        await using var network = await StartAsync();
        var (node, _) = await NodeAsync(network);
        await SetAsync(network, "TOKEN", isMarketHeld: false);
        await PostAsync(network, Naming("TOKEN"));
        var lease = await node.StartAsync();

        Assert.Equal(ProblemTypes.LeaseLost, (await Assert.ThrowsAsync<MarketException>(() => node.FinishAsync(lease))).Code);
    }

    [Fact]
    public async Task A_job_nobody_serves_goes_back_to_the_queue_with_the_reason_and_is_given_to_nobody_until_somebody_does()
    {
        await using var network = await StartAsync();
        var (node, opener) = await NodeAsync(network);
        await SetAsync(network, "TOKEN", isMarketHeld: false);
        var job = (await PostAsync(network, Naming("TOKEN"))).Facts.Job;
        var lease = await node.StartAsync();
        for (var waited = TimeSpan.Zero; waited < FiveMinutes - TimeSpan.FromSeconds(20); waited += TimeSpan.FromSeconds(20))
        {
            await node.RenewAsync(lease);
            await network.PassAsync(TimeSpan.FromSeconds(20));
        }

        Assert.Equal(JobState.Running, (await network.Client.GetJobAsync(job, CancellationToken.None)).Facts.State);
        await node.RenewAsync(lease);
        await network.PassAsync(TimeSpan.FromSeconds(21));

        var waiting = await network.Client.GetJobAsync(job, CancellationToken.None);
        Assert.Equal((JobState.Queued, 0), (waiting.Facts.State, waiting.Facts.Attempt));
        Assert.Contains("nobody handed over", waiting.Waiting, StringComparison.Ordinal);
        Assert.Contains("berth job serve", waiting.Waiting, StringComparison.Ordinal);
        Assert.Contains((await network.EventsAsync(job, waiting.LastEvent)).OfType<JobRequeued>(), back => back.Reason.Contains("nobody handed over", StringComparison.Ordinal));
        Assert.Equal(ProblemTypes.LeaseLost, (await Assert.ThrowsAsync<MarketException>(() => node.RenewAsync(lease))).Code);
        Assert.Null(await node.ClaimAsync("again"));

        // The slot that waits gets it as soon as the client asks, and the client hands over.
        await ServeAsync(network);
        var second = await node.ClaimAsync("again") ?? throw new InvalidOperationException("The slot got nothing.");
        await node.RenewAsync(second);
        await ServeAsync(network);
        Assert.Equal(Value, (await OpenAsync(node, opener, second))?.Secrets["TOKEN"]);
        Assert.True((await node.FinishAsync(second)).IsSettled);
        Assert.Empty(await network.AuditAsync());
    }

    [Fact]
    public async Task What_was_handed_over_is_given_again_to_the_node_that_asks_again()
    {
        await using var network = await StartAsync();
        var (node, opener) = await NodeAsync(network);
        await SetAsync(network, "TOKEN", isMarketHeld: false);
        await PostAsync(network, Naming("TOKEN"));
        var lease = await node.StartAsync();
        await ServeAsync(network);
        await OpenAsync(node, opener, lease);
        var started = (await network.Client.GetJobAsync(lease.Job, CancellationToken.None)).Facts.StartedAt;
        network.Time.Advance(TimeSpan.FromSeconds(10));

        var again = await OpenAsync(node, opener, lease);

        Assert.Equal(Value, again?.Secrets["TOKEN"]);
        var facts = (await network.Client.GetJobAsync(lease.Job, CancellationToken.None)).Facts;
        Assert.Equal((started, 1), (facts.StartedAt, facts.Attempt));
    }

    [Fact]
    public async Task A_job_whose_node_is_lost_needs_to_be_handed_over_anew_for_the_next()
    {
        await using var network = await StartAsync();
        var (first, opener) = await NodeAsync(network);
        await SetAsync(network, "TOKEN", isMarketHeld: false);
        await PostAsync(network, Naming("TOKEN"));
        var lease = await first.StartAsync();
        await ServeAsync(network);
        await OpenAsync(first, opener, lease);
        var (second, _) = await NodeAsync(network);

        await network.PassAsync(network.LeaseLength + TimeSpan.FromSeconds(1));
        var next = await second.StartAsync();

        Assert.Null(await second.Client.OpenAsync(next.Run, new OpeningRequest { Fence = next.Fence }, CancellationToken.None));
        var wanted = Assert.Single((await network.Client.ListHandoversAsync(null, TimeSpan.Zero, CancellationToken.None)).Items);
        Assert.Equal((next.Run, second.Address), (wanted.Run, wanted.Node.Owner));
        Assert.Equal(ProblemTypes.LeaseLost, (await Assert.ThrowsAsync<MarketException>(() => OpenAsync(first, opener, lease))).Code);
    }

    [Fact]
    public async Task Market_held_secrets_are_handed_over_by_the_market_while_the_owner_is_away()
    {
        await using var network = await StartAsync();
        var (node, opener) = await NodeAsync(network);
        await SetAsync(network, "TOKEN", isMarketHeld: true);
        var job = await network.PostAsync(TestNetwork.APost(Naming("TOKEN")));
        Assert.Equal(JobSealing.Market, job.Sealing);

        var lease = await node.StartAsync();
        var handover = await OpenAsync(node, opener, lease);

        Assert.Equal(Value, handover?.Secrets["TOKEN"]);
        Assert.Equal(lease.DefinitionId, handover?.Definition);
        Assert.True((await node.FinishAsync(lease)).IsSettled);
        Assert.Empty(await network.AskAsync("select job from jobs where handover is not null"));
    }

    [Fact]
    public async Task For_a_pinned_node_everything_is_handed_over_with_the_post()
    {
        await using var network = await StartAsync();
        var (node, opener) = await NodeAsync(network);
        await SetAsync(network, "TOKEN", isMarketHeld: false);
        var job = await PostAsync(network, Naming("TOKEN"), node.Address);
        Assert.Equal(JobSealing.Pinned, job.Sealing);

        var lease = await node.StartAsync();

        Assert.Equal(Value, (await OpenAsync(node, opener, lease))?.Secrets["TOKEN"]);
        Assert.Empty((await network.Client.ListHandoversAsync(null, TimeSpan.Zero, CancellationToken.None)).Items);
    }

    [Fact]
    public async Task A_node_without_an_encryption_key_gets_no_job_in_which_something_is_sealed()
    {
        await using var network = await StartAsync();
        var plain = await network.NodeAsync();
        await SetAsync(network, "TOKEN", isMarketHeld: true);

        var refused = await Assert.ThrowsAsync<MarketException>(() => network.PostAsync(TestNetwork.APost(Naming("TOKEN"))));
        await network.PostAsync(TestNetwork.APost(Naming("TOKEN")) with { WaitForFit = true });

        Assert.Equal(ProblemTypes.NoFit, refused.Code);
        Assert.Contains("encryption key", refused.Message, StringComparison.Ordinal);
        Assert.Null(await plain.ClaimAsync());
        Assert.NotNull(await (await NodeAsync(network)).Node.ClaimAsync());
    }

    [Fact]
    public async Task A_node_registers_no_key_but_its_own()
    {
        await using var network = await StartAsync();
        var node = await network.NodeAsync();
        using var other = DecryptionKey.Of(network.ClientKey);

        foreach (var key in new[] { other.Published, other.Published with { Owner = node.Address } })
        {
            var refused = await Assert.ThrowsAsync<MarketException>(() => node.RegisterAsync(TestNode.Having(TestNetwork.Market, 0, 0, "", 0) with { EncryptionKey = key }));
            Assert.Equal(ProblemTypes.BadRequest, refused.Code);
        }
    }

    [Fact]
    public async Task What_is_to_be_handed_over_needs_the_posters_signature_of_the_definition()
    {
        await using var network = await StartAsync();
        await NodeAsync(network);
        await SetAsync(network, "TOKEN", isMarketHeld: false);
        var post = TestNetwork.APost(Naming("TOKEN"));
        var other = await SealAsync(network, TestNetwork.APost(Naming("TOKEN")), null);

        foreach (var signature in new[] { null, new byte[64], other.DefinitionSignature })
        {
            var refused = await Assert.ThrowsAsync<MarketException>(() => network.PostAsync(post with { DefinitionSignature = signature }));
            Assert.Equal(ProblemTypes.BadRequest, refused.Code);
        }
    }

    [Fact]
    public async Task A_market_that_changes_a_definition_gets_nothing_handed_over()
    {
        await using var network = await StartAsync();
        var (node, _) = await NodeAsync(network);
        await SetAsync(network, "TOKEN", isMarketHeld: false);
        var job = (await PostAsync(network, Naming("TOKEN"))).Facts.Job;
        var other = await network.PostAsync();
        var lease = await node.StartAsync();
        await network.SpoilAsync($"update jobs set definition = '{other.Definition}' where job = '{job}'");
        using var own = DecryptionKey.Of(network.ClientKey);
        var wanted = Assert.Single((await network.Client.ListHandoversAsync(null, TimeSpan.Zero, CancellationToken.None)).Items);

        var refused = await Assert.ThrowsAsync<HandoverException>(() => new HandoverMaker(network.Client, own).MakeAsync(job, wanted.Node, CancellationToken.None));

        Assert.Contains("not one that you signed", refused.Message, StringComparison.Ordinal);
        Assert.Equal(job, lease.Job);
    }

    [Fact]
    public async Task Nobody_but_the_poster_hands_over_and_only_for_the_node_that_has_the_run()
    {
        await using var network = await StartAsync();
        var (node, opener) = await NodeAsync(network);
        var (other, otherOpener) = await NodeAsync(network);
        await SetAsync(network, "TOKEN", isMarketHeld: false);
        await PostAsync(network, Naming("TOKEN"));
        var lease = await node.StartAsync();
        var good = new Handover { Definition = lease.DefinitionId }.SealFor(lease.Job, opener.Published);
        var forOther = new Handover { Definition = lease.DefinitionId }.SealFor(lease.Job, otherOpener.Published);

        Assert.Equal(ProblemTypes.NotAllowed, (await Assert.ThrowsAsync<MarketException>(() => network.Operator.HandOverAsync(lease.Run, good, CancellationToken.None))).Code);
        Assert.Equal(ProblemTypes.BadRequest, (await Assert.ThrowsAsync<MarketException>(() => network.Client.HandOverAsync(lease.Run, forOther, CancellationToken.None))).Code);
        Assert.Equal(ProblemTypes.NotAllowed, (await Assert.ThrowsAsync<MarketException>(() => OpenAsync(other, otherOpener, lease))).Code);
        await network.Client.HandOverAsync(lease.Run, good, CancellationToken.None);
        Assert.NotNull(await OpenAsync(node, opener, lease));
    }

    [Fact]
    public async Task Of_a_confidential_job_the_market_has_nothing_it_can_read_and_the_poster_opens_all_of_it()
    {
        await using var network = await StartAsync();
        var (node, opener) = await NodeAsync(network);
        const string Marker = "nobody-may-read-this";
        var posted = await PostAsync(network, TestNetwork.APost().Definition.Replace("true", Marker, StringComparison.Ordinal), isConfidential: true);
        Assert.True(posted.Facts.IsConfidential);
        var lease = await node.StartAsync();
        Assert.Equal(DefinitionFormat.Sealed, lease.Format);
        await ServeAsync(network);
        using var key = ContentKey.Of((await OpenAsync(node, opener, lease))!.JobKey)!;
        Assert.Contains(Marker, SealedDefinition.Open(lease.Definition, lease.Job, key)!.Definition, StringComparison.Ordinal);
        using var seal = new RunSeal(key, lease.Run);
        var chunk = TestNode.Lines("one", 1, 3);
        var told = TestNode.Story(lease, RunOutcome.Failed).Select(happened => happened is RunEnded ended ? ended with { Message = Marker } : happened);
        var receipt = await node.Client.ReportAsync(
            lease.Run,
            new RunReport
            {
                Fence = lease.Fence,
                Events = [.. told.Select(happened => seal.Seal(System.Text.Json.JsonSerializer.SerializeToElement(happened, RunEventJson.Default.RunEvent)))],
                Logs = [seal.Seal(chunk, 0)],
                Result = seal.SealResult(Encoding.UTF8.GetBytes($"{{\"{Marker}\":1}}")),
            },
            CancellationToken.None);
        Assert.True(receipt.IsSettled);
        Assert.Equal(3, receipt.LastLines["0"]);

        var job = await network.Client.GetJobAsync(lease.Job, CancellationToken.None);
        Assert.Equal((JobOutcome.Failed, (string?)null), (job.Facts.Outcome, job.Message));
        foreach (var table in new[] { "jobs", "job_events", "runs" })
        {
            Assert.DoesNotContain(await network.AskAsync($"select * from {table}"), row => row.Contains(Marker, StringComparison.Ordinal));
        }

        using var own = DecryptionKey.Of(network.ClientKey);
        using var opened = await OpenedJob.OpenAsync(network.Client, job, own, CancellationToken.None);
        Assert.Contains(Marker, opened!.Definition.Definition, StringComparison.Ordinal);
        Assert.Contains(Marker, Encoding.UTF8.GetString(opened.OpenResult(lease.Run, await network.Client.GetResultAsync(lease.Job, CancellationToken.None))), StringComparison.Ordinal);
        var story = (await network.EventsAsync(lease.Job, job.LastEvent)).Select(opened.Open).ToList();
        Assert.Contains(story.OfType<RunReported>(), reported => reported.Event.GetRawText().Contains(Marker, StringComparison.Ordinal));
        var line = Assert.Single(story.OfType<LogWritten>());
        Assert.Equal(("one", 3), (line.Chunk.Operation.Value, line.Chunk.Unpack().Count));

        using var stranger = SigningKey.New();
        using var others = DecryptionKey.Of(stranger);
        using var market = DecryptionKey.Of(network.OperatorKey);
        Assert.Null(await OpenedJob.OpenAsync(network.Client, job, others, CancellationToken.None));
        Assert.Null(await OpenedJob.OpenAsync(network.Operator, job, market, CancellationToken.None));
    }

    [Fact]
    public async Task A_market_that_changes_what_a_node_told_is_found_out()
    {
        await using var network = await StartAsync();
        var (node, opener) = await NodeAsync(network);
        await PostAsync(network, TestNetwork.APost().Definition, isConfidential: true);
        var lease = await node.StartAsync();
        await ServeAsync(network);
        using var key = ContentKey.Of((await OpenAsync(node, opener, lease))!.JobKey)!;
        using var seal = new RunSeal(key, lease.Run);
        var happened = System.Text.Json.JsonSerializer.SerializeToElement(TestNode.Story(lease, RunOutcome.Succeeded)[0], RunEventJson.Default.RunEvent);
        var chunk = seal.Seal(TestNode.Lines("one", 1, 3), 0);

        using var another = ContentKey.New();
        using var forged = new RunSeal(another, lease.Run);
        Assert.Throws<InvalidDataException>(() => seal.Open(forged.Seal(happened)));
        Assert.Throws<InvalidDataException>(() => seal.Open(happened));
        Assert.Throws<InvalidDataException>(() => seal.Open(chunk with { First = 4, Last = 6 }, name => new OperationId(name)));
        Assert.Throws<InvalidDataException>(() => seal.OpenResult(seal.SealResult([1]).AsSpan(1)));
    }

    [Fact]
    public async Task A_job_is_public_or_confidential_and_a_sealed_definition_is_a_box()
    {
        await using var network = await StartAsync();
        await NodeAsync(network);
        var post = await SealAsync(network, TestNetwork.APost(), null, isConfidential: true);

        foreach (var wrong in new[] { post with { IsPublic = true }, post with { Definition = "{}" }, post with { Requirements = null }, post with { Requirements = new JobRequirements { Gpus = -1 } } })
        {
            Assert.Equal(ProblemTypes.BadRequest, (await Assert.ThrowsAsync<MarketException>(() => network.PostAsync(wrong))).Code);
        }

        Assert.Equal(
            ProblemTypes.InvalidDefinition,
            (await Assert.ThrowsAsync<MarketException>(() => network.PostAsync(TestNetwork.APost("""{"version":"0.1","type":"container","ops":[],"logistics":{"send":{"type":"api-listen","args":{}}}}""")))).Code);
    }

    /// <summary>A definition whose operation names these secrets.</summary>
    private static string Naming(params string[] secrets)
    {
        var env = string.Join(",", secrets.Select((name, index) => $$"""
            "V{{index}}":{"secret":"{{name}}"}
            """));
        return """{"version":"0.1","type":"container","ops":[{"type":"container/run","id":"one","args":{"image":"busybox","env":{ENV}}}]}""".Replace("ENV", env, StringComparison.Ordinal);
    }

    private static async Task<(TestNode Node, DecryptionKey Opener)> NodeAsync(TestNetwork network)
    {
        var key = SigningKey.New();
        var opener = DecryptionKey.Of(key);
        var node = new TestNode(key, network.Connect(key), TestNetwork.Market);
        await node.RegisterAsync(TestNode.Having(TestNetwork.Market, 0, 0, "", 0) with { EncryptionKey = opener.Published });
        return (node, opener);
    }

    private static async Task SetAsync(TestNetwork network, string name, bool isMarketHeld)
    {
        using var own = DecryptionKey.Of(network.ClientKey);
        var market = isMarketHeld ? (await network.Client.DescribeAsync(CancellationToken.None)).EncryptionKey : null;
        await network.Client.SetSecretAsync(name, new SecretDraft { Box = SecretBox.Seal(name, Value, own.Published, market), IsMarketHeld = isMarketHeld }, CancellationToken.None);
    }

    private static async Task<JobPost> SealAsync(TestNetwork network, JobPost post, Address? node, bool isConfidential = false)
    {
        using var own = DecryptionKey.Of(network.ClientKey);
        var definition = JobDefinitionReader.Read(Encoding.UTF8.GetBytes(post.Definition)).Definition!;
        return await new SealedPost(network.Client, network.ClientKey, own).MakeAsync(post with { Node = node }, definition, isConfidential, CancellationToken.None);
    }

    private static async Task<JobView> PostAsync(TestNetwork network, string definition, Address? node = null, bool isConfidential = false) =>
        await network.PostAsync(await SealAsync(network, TestNetwork.APost(definition), node, isConfidential));

    /// <summary>Hands over what is wanted now, as a client does.</summary>
    private static async Task ServeAsync(TestNetwork network)
    {
        using var own = DecryptionKey.Of(network.ClientKey);
        foreach (var wanted in (await network.Client.ListHandoversAsync(null, TimeSpan.Zero, CancellationToken.None)).Items)
        {
            await network.Client.HandOverAsync(wanted.Run, await new HandoverMaker(network.Client, own).MakeAsync(wanted.Job, wanted.Node, CancellationToken.None), CancellationToken.None);
        }
    }

    private static async Task<Handover?> OpenAsync(TestNode node, DecryptionKey opener, Lease lease) =>
        await node.Client.OpenAsync(lease.Run, new OpeningRequest { Fence = lease.Fence }, CancellationToken.None) is { } box ? Handover.Open(box, lease.Job, opener) : null;
}
