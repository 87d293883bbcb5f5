using Berth.Jobs.Results;
using Berth.Node.Leases;
using Berth.Node.Work;
using Berth.Protocol;

namespace Berth.Node.Artefacts;

/// <summary>
/// Sends artefacts to the market as they come out of the container: a tar packed by zstd, in numbered parts, so that memory is bounded whatever the size. A server that is away is
/// waited for; a process that goes on after another's death packs anew and sends only what the market lacks.
/// </summary>
internal sealed class OutputUploads(Lease lease, NodeScope scope) : IOutputPlace
{
    public void Prepare(TakenArtefact artefact, bool wasBegun)
    {
    }

    public async Task<(RunEvent Kept, IReadOnlyList<string> LeftOut)> TakeAsync(TakenArtefact artefact, Stream tar, Action<int, long> progress, CancellationToken ct)
    {
        var upload = UploadId.OfArtefact(lease.Run, artefact.Operation, artefact.Name);
        var opening = new UploadOpening { Upload = upload, Artefact = new ArtefactOrigin(lease.Run, lease.Fence, artefact.Operation, artefact.Name, artefact.Path) };
        var tee = new TarTee(scope.Limits.OutputFiles, scope.Limits.OutputBytes);
        var receipt = await PatientlyAsync(limit => scope.Client.OpenUploadAsync(opening, limit), ct);
        await using var parts = new UploadStream(upload, receipt, (number, part, limit) => PatientlyAsync(
            async again =>
            {
                await scope.Client.PutPartAsync(upload, number, part, again);
                return true;
            },
            limit));
        await using (var packed = ArtefactPacking.Into(parts))
        {
            await tee.CopyAsync(tar, packed, progress, ct);
        }

        var ending = await parts.EndAsync(ct) with { Files = tee.Files, Bytes = tee.Bytes };
        await PatientlyAsync(limit => scope.Client.EndUploadAsync(upload, ending, limit), ct);
        return (new ArtefactKept(artefact.Operation, artefact.Name, artefact.Path, ending.Content.Value, ending.Size, tee.Files, tee.Bytes) { List = [.. tee.List] }, []);
    }

    private async Task<T> PatientlyAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken ct)
    {
        var pauses = scope.Server.Begin();
        while (true)
        {
            try
            {
                var answer = await ask(ct);
                pauses.Over();
                return answer;
            }
            catch (MarketException no) when (!no.IsTransient)
            {
                throw new InvalidDataException(no.TakesTheRunAway ? "the run is no longer this node's." : no.Message, no);
            }
            catch (MarketException away)
            {
                await pauses.WaitAsync(away.Message, ct);
            }
        }
    }
}
