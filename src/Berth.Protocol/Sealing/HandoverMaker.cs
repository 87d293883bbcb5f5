using System.Collections.Immutable;
using System.Text;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Protocol.Identity;

namespace Berth.Protocol.Sealing;

/// <summary>
/// The poster's side of handing over: reads what a job names as secrets, opens them, and seals them for a node. It believes the market nothing about the definition: only one that the poster
/// signed for this job gets anything.
/// </summary>
public sealed class HandoverMaker(MarketClient client, DecryptionKey poster)
{
    /// <summary>What a node needs for a job that was posted before.</summary>
    /// <exception cref="HandoverException">It cannot be made; the sentence says why.</exception>
    public async Task<SealedBox> MakeAsync(JobId job, EncryptionKey node, CancellationToken ct)
    {
        var view = await client.GetJobAsync(job, ct);
        var posted = await client.GetDefinitionAsync(job, ct);
        var id = UnixFsHasher.IdOf(posted);
        if (view.Facts.Poster != poster.Owner)
        {
            throw new HandoverException($"Job {job} was posted by {view.Facts.Poster}; only that key hands over what is sealed in it.");
        }

        if (view.DefinitionSignature is not { } signature || !DefinitionSignature.Holds(poster.Owner, job, id.ToString(), signature))
        {
            throw new HandoverException($"The definition that the market has for job {job} is not one that you signed; nothing is handed over for it.");
        }

        using var key = view.Format == DefinitionFormat.Sealed ? SealedDefinition.KeyIn(Encoding.UTF8.GetString(posted), job, poster) : null;
        var opened = key is null ? null : SealedDefinition.Open(Encoding.UTF8.GetString(posted), job, key);
        if (view.Format == DefinitionFormat.Sealed && opened is null)
        {
            throw new HandoverException($"The definition of job {job} does not open with this key.");
        }

        var (text, format) = opened is null ? (posted, view.Format) : (Encoding.UTF8.GetBytes(opened.Definition), opened.Format);
        var definition = JobDefinitionReader.Read(text, format == DefinitionFormat.Yaml ? DocumentFormat.Yaml : DocumentFormat.Json).Definition
            ?? throw new HandoverException($"The definition of job {job} cannot be read by this version of berth.");
        return await MakeAsync(job, definition, id, key, node, ct);
    }

    /// <summary>What a node needs for a job that is about to be posted, whose definition has that content id; <paramref name="key"/> is the job's, when it is confidential.</summary>
    /// <exception cref="HandoverException">It cannot be made; the sentence says why.</exception>
    public async Task<SealedBox> MakeAsync(JobId job, JobDefinition definition, ContentId id, ContentKey? key, EncryptionKey node, CancellationToken ct)
    {
        var secrets = ImmutableDictionary.CreateBuilder<string, string>();
        foreach (var name in SecretReferences.In(definition).Select(reference => reference.Name).Distinct())
        {
            secrets.Add(name, await ValueAsync(name, ct));
        }

        if (!node.IsGenuine)
        {
            throw new HandoverException($"The encryption key that the market has for the node {node.Owner} is not signed by that node; nothing is handed over to it.");
        }

        if (secrets.Values.Sum(value => (long)Encoding.UTF8.GetByteCount(value)) > Handover.LargestSize / 2)
        {
            throw new HandoverException($"The secrets of job {job} are more than {Handover.LargestSize >> 11} KiB together.");
        }

        return new Handover { Definition = id.ToString(), JobKey = key?.Export(), Secrets = secrets.ToImmutable() }.SealFor(job, node);
    }

    private async Task<string> ValueAsync(string name, CancellationToken ct)
    {
        try
        {
            return SecretBox.Open(await client.GetSecretAsync(name, ct), poster.Owner, name, poster)
                ?? throw new HandoverException($"The secret {name} does not open with this key; set it again: berth secret set {name}");
        }
        catch (MarketException missing) when (missing.Code == ProblemTypes.NotFound)
        {
            throw new HandoverException($"You have no secret {name}; berth secret set {name} makes it.");
        }
    }
}

/// <summary>Nothing can be handed over for a job; the sentence says why and what to do.</summary>
public sealed class HandoverException(string message) : Exception(message);
