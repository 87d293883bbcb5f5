using Berth.Cli.Rendering;
using Berth.Node.Artefacts;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Cli.Sources;

/// <summary>Sends a folder to a market before a job is posted with it. What an earlier try sent is not sent again, also by another process.</summary>
internal sealed class SourceUpload(Surroundings around, MarketClient client, Address sender)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>The content id of the folder once the market has it; null when it is too large, which is told.</summary>
    /// <exception cref="MarketException">The server refuses, or stays away for minutes.</exception>
    public async Task<ContentId?> SendAsync(SourceFolder folder, bool quiet, CancellationToken ct)
    {
        var upload = folder.IdFor(sender.Value);
        var receipt = await PatientlyAsync(again => client.OpenUploadAsync(new UploadOpening { Upload = upload }, again), ct);
        if (receipt.Content is { } there)
        {
            Tell($"{Words(folder)}: the market has it already", quiet);
            return there;
        }

        if (folder.Bytes > receipt.Most)
        {
            await around.Error.WriteLineAsync(
                $"berth: {Words(folder)}, and this market takes {Durations.Size(receipt.Most)}. Leave something out by a .berthignore (it reads like a .gitignore). " +
                $"Most of it: {string.Join(", ", folder.Heaviest(5).Select(one => $"{one.Name} {Durations.Size(one.Bytes)}"))}.");
            return null;
        }

        using var line = new TransferLine(around, $"sending {folder.Path}", folder.Bytes);
        await using var parts = new UploadStream(upload, receipt, (number, part, again) => PatientlyAsync(
            async once =>
            {
                await client.PutPartAsync(upload, number, part, once);
                return true;
            },
            again));
        await using (var packed = ArtefactPacking.Into(parts))
        {
            await folder.PackAsync(packed, line.Show, ct);
        }

        var ending = await parts.EndAsync(ct) with { Files = folder.Files.Count, Bytes = folder.Bytes };
        await PatientlyAsync(again => client.EndUploadAsync(upload, ending, again), ct);
        line.Dispose();
        Tell($"{Words(folder)}, packed {Durations.Size(ending.Size)}", quiet);
        return ending.Content;
    }

    private static string Words(SourceFolder folder) => $"{folder.Path} has {Printed.Files(folder.Files.Count)}, {Durations.Size(folder.Bytes)}";

    private void Tell(string line, bool quiet)
    {
        if (!quiet)
        {
            around.Error.WriteLine(line);
        }
    }

    private async Task<T> PatientlyAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken ct)
    {
        var began = around.Time.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                return await ask(ct);
            }
            catch (MarketException away) when (away.IsTransient && around.Time.GetElapsedTime(began) < Patience)
            {
                await Task.Delay(pause, around.Time, ct);
            }
        }
    }
}
