using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Market.Accounts;
using Berth.Market.Content;
using Berth.Market.Markets;
using Berth.Market.Nodes;
using Berth.Market.Secrets;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Market.Jobs;

/// <summary>What clients do with jobs: post, stop, extend, look.</summary>
internal sealed class JobDesk(Database database, ContentStore content, JobChanges changes, MarketMeters meters, MarketOptions options, TimeProvider time)
{
    private const int LargestDefinition = 1 << 20;
    private const int LargestSealedDefinition = 3 << 19;

    // A post is the same post under whatever id it comes.
    private static readonly JobId NoJob = new("11111111111111111111111111111111");

    /// <summary>
    /// 1 read the definition and what it needs, 2 keep it as content, 3 in one transaction: the same post again is the job there is; check market, price, time and fit; book the deposit,
    /// queue the job, and give it to the oldest waiting slot that fits.
    /// </summary>
    /// <exception cref="RefusedException">Any of these says no.</exception>
    public async Task<(JobView View, bool IsNew)> PostAsync(Address poster, JobPost post, string? idempotencyKey, CancellationToken ct)
    {
        // 1
        var bytes = Encoding.UTF8.GetBytes(post.Definition);
        var (definition, needs) = post.Format == DefinitionFormat.Sealed ? (null, ReadSealed(post, bytes)) : Read(post, bytes);
        var secrets = definition is null ? [] : SecretReferences.In(definition);
        var digest = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(post with { Job = NoJob }, WireJson.Answers.JobPost)));
        if (post.Attempts is not (1 or 2))
        {
            throw RefusedException.Bad("'attempts' is 1 or 2.");
        }

        JobExtras.Check(post, definition);
        if (definition?.Logistics is not null)
        {
            throw new RefusedException(ProblemTypes.InvalidDefinition, "A definition with 'logistics' is confidential, and this one came in the open. berth job post seals it.");
        }

        // 2
        // What is refused leaves nothing behind.
        var id = UnixFsHasher.IdOf(bytes);
        if (idempotencyKey is null)
        {
            await database.ReadAsync(transaction => HasEnoughAsync(transaction, poster, post, market => Draft(poster, post, market, needs, id, digest, null), ct), ct);
        }

        await content.PutAsync(bytes, ct);

        // 3
        return await database.WriteAsync(
            async transaction =>
            {
                if (await FindSameAsync(transaction, poster, post.Job, digest, idempotencyKey, ct) is { } before)
                {
                    return (await ViewAsync(transaction, before, true, ct), false);
                }

                var market = await MarketOfAsync(transaction, post.Market, ct);
                var sealing = await SealingAsync(transaction, poster, post, secrets, id, ct);
                var job = Draft(poster, post, market, needs, id, digest, idempotencyKey) with { Sealing = sealing };
                await RequireSourcesAsync(transaction, poster, post, ct);
                database.Dialect.HoldMarket(transaction, market.Number, alone: false);
                var fits = await FitsAsync(transaction, job, post, ct);
                await DepositAsync(transaction, job, job.Deposit, ct);
                var queued = await JobStore.InsertAsync(transaction, job, ct);
                transaction.OnceCommitted(() => meters.Posted(market.Slug));
                return (await ViewAsync(transaction, await changes.MatchAsync(transaction, queued, job.PostedAt, ct), true, ct, fits), true);
            },
            ct);
    }

    /// <summary>The job, as far as the caller may see it.</summary>
    public Task<JobView> ViewAsync(JobId id, Address? caller, CancellationToken ct) => database.ReadAsync(
        async transaction =>
        {
            var job = await FindAsync(transaction, id, ct);
            return await ViewAsync(transaction, job, MayRead(job, caller), ct);
        },
        ct);

    /// <summary>The job, when the caller may read what is in it.</summary>
    public async Task<Job> ReadableAsync(JobId id, Address? caller, CancellationToken ct)
    {
        var job = await database.ReadAsync(transaction => FindAsync(transaction, id, ct), ct);
        return MayRead(job, caller)
            ? job.IsForgotten ? throw RefusedException.NotFound($"Definition, result, logs and artefacts of job {id} were removed: they are older than this market keeps them.") : job
            : throw RefusedException.NotAllowed($"Only the poster of job {id}, the node that runs it and the operator may read this. Sign the request with the poster's key.");
    }

    /// <summary>Whether the content is one of the job's: its definition, its result, a source, or an artefact of its last run.</summary>
    public async Task<bool> HasContentAsync(Job job, ContentId content, CancellationToken ct) =>
        job.Definition == content.Value || job.Result == content.Value || job.Sources.Any(source => source.Content == content)
        || (job.Run is { } run && (await database.ReadAsync(transaction => UploadStore.OfRunAsync(transaction, run, ct), ct)).Any(artefact => artefact.Content == content));

    public Task<Page<JobFacts>> ListAsync(JobFilter filter, CancellationToken ct) => database.ReadAsync(
        async transaction =>
        {
            var market = filter.Market is { } name
                ? await MarketStore.FindAsync(transaction, name, ct) ?? throw RefusedException.NotFound($"There is no market '{name}'.")
                : null;
            var before = filter.After is { } cursor
                ? JobId.TryParse(cursor, null, out var last) && await JobStore.NumberOfAsync(transaction, last, ct) is { } number
                    ? number
                    : throw RefusedException.Bad($"'{cursor}' is no cursor of this list; begin without one.")
                : long.MaxValue;
            var jobs = await JobStore.ListAsync(transaction, filter, market?.Number, before, ct);
            return new Page<JobFacts>([.. jobs.Take(filter.Limit)], jobs.Count > filter.Limit ? jobs[filter.Limit - 1].Job.Value : null);
        },
        ct);

    /// <summary>The owner, or the operator, wants the job to end. A job that ended already is answered as it is.</summary>
    public Task<JobView> StopAsync(JobId id, Address caller, CancellationToken ct) => database.WriteAsync(
        async transaction =>
        {
            var job = await TakeOwnAsync(transaction, id, caller, "stop", ct);
            var by = caller == job.Poster ? "its owner" : "the operator";
            var after = await changes.ApplyAsync(transaction, job, new JobChange.StopAsked(time.GetUtcNow(), $"Stopped by {by} while it waited."), [], ct);
            return await ViewAsync(transaction, after ?? job, true, ct);
        },
        ct);

    /// <summary>Makes the timeout longer and deposits the difference.</summary>
    public Task<JobView> ExtendAsync(JobId id, Address caller, long timeoutSeconds, CancellationToken ct) => database.WriteAsync(
        async transaction =>
        {
            var job = await TakeOwnAsync(transaction, id, caller, "extend", ct);
            if (caller != job.Poster)
            {
                throw RefusedException.NotAllowed($"Only its poster, who pays for it, may extend job {id}.");
            }

            if (job.IsEnded)
            {
                throw new RefusedException(ProblemTypes.AlreadyEnded, $"Job {id} has ended; its time cannot be extended.");
            }

            if (timeoutSeconds == job.TimeoutSeconds)
            {
                return await ViewAsync(transaction, job, true, ct);
            }

            if (timeoutSeconds < job.TimeoutSeconds)
            {
                throw RefusedException.Bad($"The job has {job.TimeoutSeconds} s already; a timeout can only grow.");
            }

            var market = (await MarketStore.FindAsync(transaction, job.MarketSlug, ct))!;
            CheckTimeout(market, timeoutSeconds);
            await DepositAsync(transaction, job, job.Price * (timeoutSeconds - job.TimeoutSeconds), ct);
            var after = await changes.ApplyAsync(transaction, job, new JobChange.Extended(time.GetUtcNow(), timeoutSeconds), [], ct);
            return await ViewAsync(transaction, after!, true, ct);
        },
        ct);

    private bool MayRead(Job job, Address? caller) => job.IsPublic || caller == job.Poster || (caller is not null && (caller == options.Operator || caller == job.Node));

    private static async Task<Job> FindAsync(Transaction transaction, JobId id, CancellationToken ct) =>
        await JobStore.FindAsync(transaction, id, ct) ?? throw RefusedException.NotFound($"There is no job {id} here.");

    private async Task<Job> TakeOwnAsync(Transaction transaction, JobId id, Address caller, string what, CancellationToken ct)
    {
        var job = await JobStore.TakeAsync(transaction, id, ct) ?? throw RefusedException.NotFound($"There is no job {id} here.");
        return caller == job.Poster || caller == options.Operator ? job : throw RefusedException.NotAllowed($"Only its poster may {what} job {id}.");
    }

    private static JobRequirements ReadSealed(JobPost post, byte[] bytes)
    {
        if (bytes.Length > LargestSealedDefinition)
        {
            throw new RefusedException(ProblemTypes.TooLarge, "A sealed definition is at most 1.5 MiB.");
        }

        if (SealedDefinition.BoxIn(post.Definition) is null)
        {
            throw RefusedException.Bad("'definition' is no sealed box, as its format says.");
        }

        if (post.IsPublic)
        {
            throw RefusedException.Bad("A job is public or confidential, not both.");
        }

        return post.Requirements is { Gpus: >= 0 and <= 1024, GpuModel: null or { Length: > 0 and <= 128 }, Cpus: >= 0, Cuda: >= 0, DiskMib: >= 0, MemoryMib: >= 0, VramMib: >= 0 } needs
            ? needs
            : throw RefusedException.Bad("'requirements' of a confidential job say what a node must have; none of them is less than nothing.");
    }

    /// <summary>Who hands over what is sealed in the job.</summary>
    /// <exception cref="RefusedException">The account lacks a secret, or what is to be handed over is not right.</exception>
    private static async Task<JobSealing> SealingAsync(Transaction transaction, Address poster, JobPost post, ImmutableArray<SecretReference> secrets, ContentId definition, CancellationToken ct)
    {
        var held = secrets.IsEmpty ? [] : (await SecretStore.ListAsync(transaction, poster, ct)).ToDictionary(secret => secret.Name, secret => secret.IsMarketHeld);
        var unknown = secrets.Where(secret => !held.ContainsKey(secret.Name)).Take(100)
            .Select(secret => new DefinitionFault(secret.Path, secret.Position.Line, secret.Position.Column, $"You have no secret {secret.Name}; berth secret set {secret.Name} makes it.")).ToList();
        if (unknown.Count > 0)
        {
            throw new RefusedException(ProblemTypes.InvalidDefinition, $"The definition names a secret that you do not have: {unknown[0].Path} {unknown[0].Message}") { Problems = [.. unknown] };
        }

        if (post.Handover is { } box)
        {
            if (secrets.IsEmpty && post.Format != DefinitionFormat.Sealed)
            {
                throw RefusedException.Bad("Nothing in the job is sealed, so there is nothing to hand over.");
            }

            HandoverDesk.Check(box, post.Node ?? throw RefusedException.Bad("A handover is posted along only for the node that alone may run the job."));
        }

        var sealing = post.Format != DefinitionFormat.Sealed && secrets.IsEmpty ? JobSealing.None
            : post.Handover is not null ? JobSealing.Pinned
            : post.Format != DefinitionFormat.Sealed && secrets.All(secret => held[secret.Name]) ? JobSealing.Market
            : JobSealing.Poster;
        if (sealing is JobSealing.Pinned or JobSealing.Poster
            && (post.DefinitionSignature is not { } signature || !DefinitionSignature.Holds(poster, post.Job, definition.ToString(), signature)))
        {
            throw RefusedException.Bad("Something is handed over for this job, so 'definitionSignature' must be its poster's over job and definition; berth job post makes it.");
        }

        return sealing;
    }

    private static (JobDefinition, JobRequirements) Read(JobPost post, byte[] bytes)
    {
        if (bytes.Length > LargestDefinition)
        {
            throw new RefusedException(ProblemTypes.TooLarge, "A definition is at most 1 MiB.");
        }

        var reading = JobDefinitionReader.Read(bytes, post.Format == DefinitionFormat.Yaml ? DocumentFormat.Yaml : DocumentFormat.Json);
        if (reading.Definition is not { } definition)
        {
            var faults = reading.Problems.Where(problem => problem.Severity == Severity.Error).Take(100)
                .Select(problem => new DefinitionFault(problem.Path, problem.Position.Line, problem.Position.Column, problem.Message)).ToList();
            throw new RefusedException(ProblemTypes.InvalidDefinition, $"The definition is not valid: {faults[0].Path} {faults[0].Message} berth validate shows everything.")
            {
                Problems = [.. faults],
            };
        }

        var unread = new List<string>();
        var needs = Requirements.Of(definition, unread);
        return unread.Count == 0 ? (definition, needs) : throw new RefusedException(ProblemTypes.InvalidDefinition, string.Join(" ", unread));
    }

    private static async Task<Job?> FindSameAsync(Transaction transaction, Address poster, JobId id, string digest, string? key, CancellationToken ct)
    {
        if (await JobStore.FindAsync(transaction, id, ct) is { } same)
        {
            return same.Poster == poster && same.PostDigest == digest ? same : throw new RefusedException(ProblemTypes.Conflict, $"The job id {id} stands for another post already; make a new one.");
        }

        if (key is null || await JobStore.FindByKeyAsync(transaction, poster, key, ct) is not { } before)
        {
            return null;
        }

        return before.PostDigest == digest ? before : throw new RefusedException(ProblemTypes.Conflict, "That Idempotency-Key stands for another post already.");
    }

    private static async Task<bool> HasEnoughAsync(Transaction transaction, Address poster, JobPost post, Func<MarketTerms, Job> draft, CancellationToken ct)
    {
        if (await JobStore.FindAsync(transaction, post.Job, ct) is null)
        {
            var job = draft(await MarketOfAsync(transaction, post.Market, ct));
            var balance = await Ledger.BalanceAsync(transaction, poster.Value, ct);
            if (balance < job.Deposit)
            {
                throw TooLittle(poster, job.Deposit, balance, job.Deposit - balance);
            }
        }

        return true;
    }

    private static async Task<MarketTerms> MarketOfAsync(Transaction transaction, string name, CancellationToken ct) =>
        await MarketStore.FindAsync(transaction, name, ct) ?? throw RefusedException.NotFound($"There is no market '{name}'; berth market list shows those there are.");

    private static RefusedException TooLittle(Address poster, Nos deposit, Nos balance, Nos missing) => new(
        ProblemTypes.TooLittleBalance,
        $"The deposit is {deposit} NOS and {poster} has {balance}: {missing} NOS are missing. Choose a shorter timeout, or ask the operator for a grant.");

    private Job Draft(Address poster, JobPost post, MarketTerms market, JobRequirements needs, ContentId definition, string digest, string? key)
    {
        if (market.IsClosed)
        {
            throw new RefusedException(ProblemTypes.Conflict, $"The market {market.Slug} is closed.");
        }

        if (post.MaxPrice is { } most && market.Price > most)
        {
            throw new RefusedException(ProblemTypes.TooExpensive, $"The market {market.Slug} costs {market.Price} NOS a second, more than the {most} you would pay.");
        }

        if (post.Node is { } pinned && !market.Admits(pinned))
        {
            throw new RefusedException(ProblemTypes.NoFit, $"The node {pinned} may not serve the market {market.Slug}.");
        }

        var timeout = post.TimeoutSeconds ?? market.DefaultTimeoutSeconds;
        CheckTimeout(market, timeout);
        return new Job
        {
            Id = post.Job,
            Market = market.Number,
            MarketSlug = market.Slug,
            Poster = poster,
            PostDigest = digest,
            PostKey = key,
            Definition = definition.ToString(),
            Format = post.Format,
            Price = market.Price,
            TimeoutSeconds = timeout,
            Attempts = post.Attempts,
            IsPublic = post.IsPublic,
            PinnedNode = post.Node,
            DefinitionSignature = post.DefinitionSignature,
            Handover = post.Handover,
            Requirements = needs,
            Artefacts = post.Artefacts,
            Sources = post.Sources,
            PostedAt = time.GetUtcNow(),
        };
    }

    private static async Task RequireSourcesAsync(Transaction transaction, Address poster, JobPost post, CancellationToken ct)
    {
        foreach (var source in post.Sources)
        {
            if (!await UploadStore.HasAsync(transaction, poster, source.Content, ct))
            {
                throw RefusedException.NotFound($"There is no upload {source.Content} of yours for {source.Target}; send it before the post.");
            }
        }
    }

    private static void CheckTimeout(MarketTerms market, long seconds)
    {
        if (seconds < 1 || seconds > market.LargestTimeoutSeconds)
        {
            throw RefusedException.Bad($"A job in the market {market.Slug} may take from 1 to {market.LargestTimeoutSeconds} s, not {seconds}.");
        }
    }

    /// <summary>Whether a registered slot could run the job.</summary>
    /// <exception cref="RefusedException">None could, and it is not to wait for one.</exception>
    private static async Task<bool> FitsAsync(Transaction transaction, Job job, JobPost post, CancellationToken ct)
    {
        var fits = await NodeStore.CouldFitAsync(transaction, job, ct);
        if (!fits && !post.WaitForFit)
        {
            throw new RefusedException(ProblemTypes.NoFit, $"{await Fit.WhatIsMissingAsync(transaction, job, ct)} Post it with --wait-for-fit to let it wait for such a node.");
        }

        return fits;
    }

    private async Task DepositAsync(Transaction transaction, Job job, Nos amount, CancellationToken ct)
    {
        if (amount == Nos.Zero)
        {
            return;
        }

        var booking = await Ledger.BookAsync(
            transaction,
            time.GetUtcNow(),
            [new Line(job.Poster.Value, EntryKind.Deposit, -amount, job.Id), new Line(Ledger.EscrowOf(job.Id), EntryKind.Deposit, amount, job.Id)],
            ct);
        if (booking is Booking.TooLittle lacking)
        {
            throw TooLittle(job.Poster, amount, lacking.Balance, lacking.Missing);
        }
    }

    private static async Task<JobView> ViewAsync(Transaction transaction, Job job, bool mayRead, CancellationToken ct, bool? fits = null)
    {
        long? place = job.State == JobState.Queued ? await JobStore.PositionAsync(transaction, job, ct) : null;
        return new JobView
        {
            Facts = JobStore.FactsOf(job),
            Definition = job.Definition,
            Format = job.Format,
            Sealing = job.Sealing,
            DefinitionSignature = mayRead ? job.DefinitionSignature : null,
            Result = job.Result,
            Message = mayRead ? job.Message : null,
            Attempts = job.Attempts,
            QueuePosition = place,
            Waiting = job.IsUnserved ? $"{job.Message} It waits until berth job serve is there, or berth job post --wait." : place is { } waits ? await Fit.WhyItWaitsAsync(transaction, job, waits, fits ?? await NodeStore.CouldFitAsync(transaction, job, ct), ct) : null,
            Requirements = job.Requirements,
            Artefacts = mayRead && job is { Attempt: > 0, IsForgotten: false, Run: { } run } ? await UploadStore.OfRunAsync(transaction, run, ct) : [],
            Sources = mayRead ? job.Sources : [],
            Deposit = job.Deposit,
            Cost = job.Cost,
            Refund = job.Refund,
            IsStopping = job.IsStopping,
            LastEvent = job.LastEvent,
        };
    }
}
