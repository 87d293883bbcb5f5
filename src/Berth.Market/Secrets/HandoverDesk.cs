using System.Collections.Immutable;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Market.Content;
using Berth.Market.Jobs;
using Berth.Market.Nodes;
using Berth.Market.Runs;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Market.Secrets;

/// <summary>
/// Where what is sealed in a job passes from its poster to the node that runs it. It is sealed for that node; only where all of a job's secrets are market-held does the market make it
/// itself, with its own key.
/// </summary>
internal sealed class HandoverDesk(Database database, ContentStore content, JobChanges changes, DecryptionKey market, TimeProvider time)
{
    private const int MostAtOnce = 100;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(10);

    /// <summary>Runs that wait for the poster's client. That it asks lets jobs that waited for it in vain be given to nodes again.</summary>
    public async Task<Page<HandoverWanted>> WantedAsync(Address poster, JobId? job, TimeSpan wait, CancellationToken ct)
    {
        foreach (var unserved in await database.ReadAsync(transaction => JobStore.UnservedAsync(transaction, poster, job, MostAtOnce, ct), ct))
        {
            await database.WriteAsync(transaction => ServeAsync(transaction, unserved, ct), ct);
        }

        using var waiter = database.Wakeups.Listen(JobStore.HandoverKey(poster));
        for (var began = time.GetTimestamp(); ;)
        {
            var wanted = await database.ReadAsync(transaction => WantedAsync(transaction, poster, job, ct), ct);
            var left = wait - time.GetElapsedTime(began);
            if (!wanted.IsEmpty || left <= TimeSpan.Zero)
            {
                return new Page<HandoverWanted>(wanted, null);
            }

            await waiter.WaitAsync(left < LookAgain ? left : LookAgain, ct);
        }
    }

    /// <summary>Takes what the poster hands over for a run; a second one for the same run changes nothing.</summary>
    /// <exception cref="RefusedException">The run is not the poster's, or is over, or the box is not for its node.</exception>
    public Task TakeAsync(RunId run, Address poster, SealedBox box, CancellationToken ct) => database.WriteAsync(
        async transaction =>
        {
            var job = await JobStore.TakeByRunAsync(transaction, run, ct) ?? throw RefusedException.NotFound($"There is no run {run} here.");
            if (job.Poster != poster)
            {
                throw RefusedException.NotAllowed($"Only its poster hands something over for the run {run}.");
            }

            if (job.State != JobState.Running || job.Run != run || job.Sealing != JobSealing.Poster)
            {
                throw new RefusedException(ProblemTypes.LeaseLost, $"The run {run} does not wait for anything to be handed over.");
            }

            Check(box, job.Node!.Value);
            return await changes.ApplyAsync(transaction, job, new JobChange.HandedOver(time.GetUtcNow(), run, box), [], ct);
        },
        ct);

    /// <summary>What was handed over for the run, to its node; null when it did not come while the answer could wait.</summary>
    /// <exception cref="RefusedException">The lease is lost.</exception>
    public async Task<SealedBox?> OpenAsync(RunId run, Address node, OpeningRequest request, CancellationToken ct)
    {
        var most = TimeSpan.FromSeconds(Math.Clamp(request.WaitSeconds, 0, LongestWait.TotalSeconds));
        var known = await database.ReadAsync(transaction => JobStore.FindByRunAsync(transaction, run, ct), ct) ?? throw RefusedException.NotFound($"There is no run {run} here.");
        var definition = known.Sealing == JobSealing.Market ? await content.ReadAsync(ContentId.Parse(known.Definition, null), ct) : null;
        using var waiter = database.Wakeups.Listen(JobStore.ControlKey(known.Id));
        for (var began = time.GetTimestamp(); ;)
        {
            if (await database.WriteAsync(transaction => TryOpenAsync(transaction, run, node, request.Fence, definition, ct), ct) is { } box)
            {
                return box;
            }

            var left = most - time.GetElapsedTime(began);
            if (left <= TimeSpan.Zero)
            {
                return null;
            }

            await waiter.WaitAsync(left < LookAgain ? left : LookAgain, ct);
        }
    }

    /// <summary>The box is for that node and nobody else, and no larger than one may be.</summary>
    /// <exception cref="RefusedException">It is not.</exception>
    public static void Check(SealedBox box, Address node)
    {
        if (box.Keys.IsDefault || box.Keys is not [{ } key] || key.Recipient != node)
        {
            throw RefusedException.Bad($"What is handed over is sealed for the node {node} and nobody else.");
        }

        if (box.Content.Length > Handover.LargestSize + ContentKey.Overhead)
        {
            throw new RefusedException(ProblemTypes.TooLarge, $"What is handed over for a run is at most {Handover.LargestSize >> 20} MiB, all its secrets together.");
        }
    }

    private async Task<bool> ServeAsync(Transaction transaction, JobId id, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        if (await JobStore.TakeAsync(transaction, id, ct) is { } job && await changes.ApplyAsync(transaction, job, new JobChange.PosterIsThere(now), [], ct) is { } served)
        {
            transaction.Dialect.HoldMarket(transaction, served.Market, alone: false);
            await changes.MatchAsync(transaction, served, now, ct);
        }

        return true;
    }

    private static async Task<ImmutableArray<HandoverWanted>> WantedAsync(Transaction transaction, Address poster, JobId? only, CancellationToken ct)
    {
        var wanted = ImmutableArray.CreateBuilder<HandoverWanted>();
        foreach (var job in await JobStore.ToHandOverAsync(transaction, poster, only, MostAtOnce, ct))
        {
            if ((await NodeStore.FindAsync(transaction, job.Node!.Value, ct))?.EncryptionKey is { } key)
            {
                wanted.Add(new HandoverWanted(job.Id, job.Run!.Value, key));
            }
        }

        return wanted.ToImmutable();
    }

    private async Task<SealedBox?> TryOpenAsync(Transaction transaction, RunId run, Address node, long fence, byte[]? definition, CancellationToken ct)
    {
        var job = (await JobStore.TakeByRunAsync(transaction, run, ct))!;
        await RunDesk.OwnAsync(transaction, run, node, fence, ct);
        if (job.State != JobState.Running || job.Run != run)
        {
            throw RunDesk.Lost(run);
        }

        var box = job.Sealing == JobSealing.Market ? await MakeAsync(transaction, job, definition, ct) : job.Handover;
        if (box is not null && await changes.ApplyAsync(transaction, job, new JobChange.Opened(time.GetUtcNow(), fence), [], ct) is null)
        {
            throw RunDesk.Lost(run);
        }

        return box;
    }

    // A secret that was removed after the post is left out; the operation that names it says so.
    private async Task<SealedBox> MakeAsync(Transaction transaction, Job job, byte[]? definition, CancellationToken ct)
    {
        var key = (await NodeStore.FindAsync(transaction, job.Node!.Value, ct))?.EncryptionKey
            ?? throw new InvalidDataException($"The node {job.Node} has a job in which something is sealed, and no encryption key.");
        var read = JobDefinitionReader.Read(
            definition ?? throw new InvalidDataException($"The definition {job.Definition} of job {job.Id} is not in the content store."),
            job.Format == DefinitionFormat.Yaml ? DocumentFormat.Yaml : DocumentFormat.Json).Definition;
        var values = ImmutableDictionary.CreateBuilder<string, string>();
        foreach (var name in SecretReferences.In(read!).Select(reference => reference.Name).Distinct())
        {
            if (await SecretStore.FindAsync(transaction, job.Poster, name, ct) is { } box && SecretBox.Open(box, job.Poster, name, market) is { } value)
            {
                values.Add(name, value);
            }
        }

        return new Handover { Definition = job.Definition, Secrets = values.ToImmutable() }.SealFor(job.Id, key);
    }
}
