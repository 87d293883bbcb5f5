using System.Text;
using Berth.Jobs.Definitions;
using Berth.Protocol.Identity;

namespace Berth.Protocol.Sealing;

/// <summary>Makes the post of a job in which something is sealed of a plain one: seals its definition when it is confidential, signs it, and hands over to the node it is pinned to.</summary>
public sealed class SealedPost(MarketClient client, SigningKey signing, DecryptionKey poster)
{
    /// <summary>The post as it is to be sent; one in which nothing is sealed is as it was.</summary>
    /// <exception cref="HandoverException">The pinned node cannot be handed over to.</exception>
    public async Task<JobPost> MakeAsync(JobPost post, JobDefinition definition, bool isConfidential, CancellationToken ct)
    {
        if (!isConfidential && SecretReferences.In(definition).IsEmpty)
        {
            return post;
        }

        if (isConfidential)
        {
            // The market cannot see what a sealed definition names.
            await CheckSecretsAsync(definition, ct);
            var faults = new List<string>();
            post = post with
            {
                Definition = new SealedDefinition(post.Definition, post.Format).SealFor(post.Job, poster.Published),
                Format = DefinitionFormat.Sealed,
                Requirements = Requirements.Of(definition, faults),
            };
            if (faults.Count > 0)
            {
                throw new HandoverException(string.Join(" ", faults));
            }
        }

        var id = UnixFsHasher.IdOf(Encoding.UTF8.GetBytes(post.Definition));
        post = post with { DefinitionSignature = DefinitionSignature.Make(signing, post.Job, id.ToString()) };
        if (post.Node is not { } pinned)
        {
            return post;
        }

        var node = (await client.GetNodeAsync(pinned, ct)).EncryptionKey is { } published && published.Owner == pinned
            ? published
            : throw new HandoverException($"The node {pinned} has published no encryption key, so nothing can be sealed for it.");
        using var key = isConfidential ? SealedDefinition.KeyIn(post.Definition, post.Job, poster) : null;
        return post with { Handover = await new HandoverMaker(client, poster).MakeAsync(post.Job, definition, id, key, node, ct) };
    }

    private async Task CheckSecretsAsync(JobDefinition definition, CancellationToken ct)
    {
        var named = SecretReferences.In(definition);
        var there = named.IsEmpty ? [] : (await client.ListSecretsAsync(ct)).Items.Select(secret => secret.Name).ToHashSet();
        if (named.FirstOrDefault(reference => !there.Contains(reference.Name)) is { } unknown)
        {
            throw new HandoverException($"The definition names a secret that you do not have: {unknown.Path} You have no secret {unknown.Name}; berth secret set {unknown.Name} makes it.");
        }
    }
}
