using System.Collections.Concurrent;
using System.Security.Cryptography;
using Berth.Jobs.Results;
using Berth.Market.Runs;
using Berth.Market.Storage;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>
/// Takes contents in parts: artefacts from the nodes that run jobs, folders from those who post them. Whatever is repeated changes nothing, and what was lost on the way is sent again.
/// </summary>
internal sealed class UploadDesk(Database database, ContentStore content, MarketOptions options, TimeProvider time)
{
    private const int MostArtefacts = 100;
    private const int MostAtOnce = 50;
    private readonly ConcurrentDictionary<UploadId, Lazy<Task>> _joining = new();

    /// <summary>Begins an upload, or tells how far it has come.</summary>
    /// <exception cref="RefusedException">The run is not the sender's any more, or the sender has too much under way.</exception>
    public Task<UploadReceipt> OpenAsync(Address sender, UploadOpening opening, CancellationToken ct) => database.WriteAsync(
        async transaction =>
        {
            var asked = new UploadRow { Upload = opening.Upload, Owner = sender, Artefact = opening.Artefact };
            var job = await AdmitAsync(transaction, asked, ct);
            if (await UploadStore.FindAsync(transaction, opening.Upload, ct) is { } before)
            {
                return before.Owner == sender && before.Artefact == opening.Artefact
                    ? await ReceiptAsync(transaction, before, ct)
                    : throw new RefusedException(ProblemTypes.Conflict, $"The upload id {opening.Upload} stands for another upload already; make a new one.");
            }

            await RequireRoomAsync(transaction, asked, ct);
            UploadStore.Insert(transaction, asked, job, time.GetUtcNow());
            return new UploadReceipt { Parts = [], Most = Most(asked) };
        },
        ct);

    /// <summary>Keeps a part. The same part again changes nothing; another of its number takes its place.</summary>
    /// <exception cref="RefusedException">There is no such upload of the sender's, or it becomes too large.</exception>
    public async Task PutAsync(Address sender, UploadId upload, int number, ReadOnlyMemory<byte> part, CancellationToken ct)
    {
        if (number is < 1 or > UploadedPart.Most || part.Length is 0 or > UploadedPart.LargestSize)
        {
            throw RefusedException.Bad($"Parts are numbered from 1 to {UploadedPart.Most} and have from 1 to {UploadedPart.LargestSize} bytes.");
        }

        var digest = Convert.ToHexStringLower(SHA256.HashData(part.Span));
        if (await database.ReadAsync(transaction => IsKeptAsync(transaction, sender, upload, number, digest, part.Length, ct), ct))
        {
            return;
        }

        var row = new PartRow(number, part.Length, digest, await content.PutAsync(part, ct));
        await database.WriteAsync(
            async transaction =>
            {
                await OwnAsync(transaction, sender, upload, ct);
                UploadStore.Put(transaction, upload, row, time.GetUtcNow());
                return true;
            },
            ct);
    }

    /// <summary>Makes one content of the parts. Whoever asks while that is under way waits for it.</summary>
    /// <exception cref="RefusedException">Parts are missing, or together they are not what the sender says.</exception>
    public async Task<UploadReceipt> EndAsync(Address sender, UploadId upload, UploadEnding ending, CancellationToken ct)
    {
        var (row, parts) = await database.ReadAsync(
            async transaction => (await OwnAsync(transaction, sender, upload, ct), await UploadStore.PartsAsync(transaction, upload, ct)), ct);
        if (row.Content is { } before)
        {
            return before == ending.Content
                ? new UploadReceipt { Parts = [], Content = before, Most = Most(row) }
                : throw new RefusedException(ProblemTypes.Conflict, $"The upload {upload} has ended as {before}.");
        }

        var used = parts.TakeWhile((part, index) => part.Number == index + 1).Take(ending.Parts).ToList();
        if (used.Count < ending.Parts || used.Sum(part => part.Size) != ending.Size)
        {
            throw RefusedException.Bad($"The upload {upload} has {used.Count} parts of {used.Sum(part => part.Size)} bytes, not {ending.Parts} of {ending.Size}; send what is missing.");
        }

        await JoinAsync(upload, used, ending, ct);
        return await database.WriteAsync(
            async transaction =>
            {
                var current = await OwnAsync(transaction, sender, upload, ct);
                if (current.Content is null)
                {
                    current = current with { Content = ending.Content, Size = ending.Size, Files = ending.Files, Bytes = ending.Bytes };
                    UploadStore.End(transaction, current, time.GetUtcNow());
                }

                return new UploadReceipt { Parts = [], Content = current.Content, Most = Most(row) };
            },
            ct);
    }

    // Goes on when the sender's line breaks, so that a sender who asks again has not waited in vain.
    private async Task JoinAsync(UploadId upload, List<PartRow> parts, UploadEnding ending, CancellationToken ct)
    {
        if (parts is [var only] && only.Content == ending.Content)
        {
            return;
        }

        var joining = _joining.GetOrAdd(upload, _ => new Lazy<Task>(() => Task.Run(
            () => content.PutAsync(ending.Content, new PartsStream(content, [.. parts.Select(part => part.Content)]), ending.Size, CancellationToken.None), CancellationToken.None)));
        try
        {
            await joining.Value.WaitAsync(ct);
        }
        catch (InvalidDataException other)
        {
            throw new RefusedException(ProblemTypes.Conflict, $"The parts of the upload {upload} are not what they should be together. {other.Message}");
        }
        finally
        {
            if (joining.Value.IsCompleted)
            {
                _joining.TryRemove(KeyValuePair.Create(upload, joining));
            }
        }
    }

    private async Task<bool> IsKeptAsync(Transaction transaction, Address sender, UploadId upload, int number, string digest, int size, CancellationToken ct)
    {
        var row = await OwnAsync(transaction, sender, upload, ct);
        if (row.Content is not null || await UploadStore.DigestAsync(transaction, upload, number, ct) == digest)
        {
            return true;
        }

        var most = Most(row);
        if (await UploadStore.BytesBesidesAsync(transaction, upload, number, ct) + size > most)
        {
            throw new RefusedException(ProblemTypes.TooLarge, $"{(row.Artefact is null ? "An upload" : "An artefact")} has at most {most} bytes here, packed.");
        }

        if (row.Artefact is { } artefact && await UploadStore.BytesOfRunBesidesAsync(transaction, artefact.Run, upload, ct) + size > options.LargestArtefacts)
        {
            throw new RefusedException(ProblemTypes.TooLarge, $"All artefacts of a run have at most {options.LargestArtefacts} bytes here, packed.");
        }

        return false;
    }

    private static async Task<UploadReceipt> ReceiptAsync(Transaction transaction, UploadRow row, long most, CancellationToken ct)
    {
        var parts = await UploadStore.PartsAsync(transaction, row.Upload, ct);
        return new UploadReceipt { Parts = [.. parts.Select(part => new UploadedPart(part.Number, (int)part.Size, part.Digest))], Content = row.Content, Most = most };
    }

    private Task<UploadReceipt> ReceiptAsync(Transaction transaction, UploadRow row, CancellationToken ct) => ReceiptAsync(transaction, row, Most(row), ct);

    private long Most(UploadRow row) => row.Artefact is null ? options.LargestUpload : options.LargestArtefact;

    private static async Task<UploadRow> OwnAsync(Transaction transaction, Address sender, UploadId upload, CancellationToken ct)
    {
        var row = await UploadStore.FindAsync(transaction, upload, ct) ?? throw RefusedException.NotFound($"There is no upload {upload} here; begin it.");
        if (row.Owner != sender)
        {
            throw RefusedException.NotAllowed($"The upload {upload} is somebody else's.");
        }

        await AdmitAsync(transaction, row, ct);
        return row;
    }

    /// <summary>The number of the job that an artefact is of, when its run is the sender's now.</summary>
    private static async Task<long?> AdmitAsync(Transaction transaction, UploadRow row, CancellationToken ct)
    {
        if (row.Artefact is not { } artefact)
        {
            return null;
        }

        if (artefact.Operation.Value is not { Length: > 0 and <= 256 } || artefact.Path is not { Length: > 0 and <= 4096 }
            || (artefact.Name != ArtefactWish.Output && new ArtefactWish(artefact.Name, "/x").Fault is not null))
        {
            throw RefusedException.Bad("An artefact has the id of an operation, a name of letters and digits, and a path.");
        }

        return await RunDesk.LiveAsync(transaction, artefact.Run, row.Owner, artefact.Fence, ct);
    }

    private static async Task RequireRoomAsync(Transaction transaction, UploadRow asked, CancellationToken ct)
    {
        if (asked.Artefact is { } artefact)
        {
            if (await UploadStore.CountOfRunAsync(transaction, artefact.Run, ct) >= MostArtefacts)
            {
                throw new RefusedException(ProblemTypes.TooLarge, $"A run has at most {MostArtefacts} artefacts.");
            }
        }
        else if (await UploadStore.CountOfOwnerAsync(transaction, asked.Owner, ct) >= MostAtOnce)
        {
            throw new RefusedException(ProblemTypes.TooMany, $"You have {MostAtOnce} uploads that have not ended; end some, or wait a day until they are forgotten.");
        }
    }
}
