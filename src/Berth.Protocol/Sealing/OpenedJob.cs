using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Berth.Jobs;

namespace Berth.Protocol.Sealing;

/// <summary>A confidential job, to its poster: opens its definition, events, logs and result, one after another as the market gives them.</summary>
public sealed class OpenedJob : IDisposable
{
    private readonly ContentKey _key;
    private readonly Dictionary<RunId, RunSeal> _seals = [];
    private readonly ImmutableArray<OperationId> _operations;

    private OpenedJob(ContentKey key, SealedDefinition definition)
    {
        (_key, Definition) = (key, definition);
        _operations = [.. definition.Read()?.Operations.Select(operation => operation.Id) ?? []];
    }

    /// <summary>What was posted.</summary>
    public SealedDefinition Definition { get; }

    /// <summary>Fetches the job's definition and opens it; null when it is not for this key, or not confidential at all.</summary>
    public static async Task<OpenedJob?> OpenAsync(MarketClient client, JobView job, DecryptionKey poster, CancellationToken ct)
    {
        if (job.Format != DefinitionFormat.Sealed || job.Facts.Poster != poster.Owner)
        {
            return null;
        }

        var posted = Encoding.UTF8.GetString(await client.GetDefinitionAsync(job.Facts.Job, ct));
        if (SealedDefinition.KeyIn(posted, job.Facts.Job, poster) is not { } key)
        {
            return null;
        }

        if (SealedDefinition.Open(posted, job.Facts.Job, key) is { } definition)
        {
            return new OpenedJob(key, definition);
        }

        key.Dispose();
        return null;
    }

    /// <summary>The event as it was before it was sealed; the market's own are as they are.</summary>
    /// <exception cref="InvalidDataException">It is not what a node of the job said.</exception>
    public JobEvent Open(JobEvent happened)
    {
        switch (happened)
        {
            case RunReported told:
                return told with { Event = SealOf(told.Run).Open(told.Event) };
            case LogWritten written:
                return written with { Chunk = SealOf(written.Run).Open(written.Chunk, NameOf) };
            default:
                return happened;
        }
    }

    /// <summary>The result as the node of that run made it.</summary>
    /// <exception cref="InvalidDataException">It is not what a node of the job said.</exception>
    public byte[] OpenResult(RunId run, ReadOnlySpan<byte> made) => SealOf(run).OpenResult(made);

    public void Dispose()
    {
        foreach (var seal in _seals.Values)
        {
            seal.Dispose();
        }

        _key.Dispose();
    }

    private RunSeal SealOf(RunId run)
    {
        if (!_seals.TryGetValue(run, out var seal))
        {
            _seals[run] = seal = new RunSeal(_key, run);
        }

        return seal;
    }

    private OperationId NameOf(string place) =>
        int.TryParse(place, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < _operations.Length ? _operations[index] : new OperationId(place);
}
