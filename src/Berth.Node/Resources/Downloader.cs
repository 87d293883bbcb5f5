using System.Buffers;
using System.Net;

namespace Berth.Node.Resources;

/// <summary>
/// Fetches files: large ones in pieces side by side, each resumed where a cut left it, in this process or the next; small ones at once. A file is at its place only when it is
/// whole and, where a digest is known, the right one.
/// </summary>
internal sealed class Downloader(ResourceHttp http, Func<long> mostBytes)
{
    private const int BufferBytes = 256 * 1024;

    /// <summary>Bytes that are worth a write of their own.</summary>
    private const int WriteBytes = 64 * 1024;

    /// <summary>Fetches all files into the folder, in which those that are whole from before stay. <paramref name="open"/> holds what is not whole yet.</summary>
    public async Task FetchAsync(IReadOnlyList<RemoteFile> files, string folder, string open, TransferMeter meter, CancellationToken ct)
    {
        Directory.CreateDirectory(folder);
        Directory.CreateDirectory(open);
        using var lanes = new SemaphoreSlim(http.Pace.Lanes);
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(ct);
        try
        {
            await Parallel.ForEachAsync(files.Index(), new ParallelOptions { MaxDegreeOfParallelism = http.Pace.Lanes, CancellationToken = failed.Token }, async (entry, token) =>
            {
                var (index, file) = entry;
                var path = ResourcePath.Inside(folder, file.Path);
                if (File.Exists(path))
                {
                    meter.Found(new FileInfo(path).Length);
                }
                else
                {
                    var part = Path.Combine(open, $"{index}");
                    await FetchAsync(file, part, lanes, meter, token);
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    File.Move(part, path);
                    PartialFile.Finish(part);
                }

                meter.FileIsWhole();
            });
        }
        catch (IOException fault)
        {
            throw Disk.Fault(fault, "the resource");
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new ResourceException(ResourceFault.Unusable, $"The resource could not be written: {fault.Message}", fault);
        }
    }

    private async Task FetchAsync(RemoteFile file, string part, SemaphoreSlim lanes, TransferMeter meter, CancellationToken ct)
    {
        if (file.CanResume && file.Size > http.Pace.PieceBytes / 4)
        {
            await FetchPiecesAsync(file, part, lanes, meter, ct);
        }
        else
        {
            await FetchWholeAsync(file, part, lanes, meter, ct);
        }

        if (file.Size is { } size && new FileInfo(part).Length is var length && length != size)
        {
            PartialFile.Discard(part);
            throw new ResourceException(ResourceFault.Mismatch, $"{ResourceHttp.Shown(file.Address)} has {length} bytes, not the {size} it should have.");
        }

        if (file.Digest is { } digest && await digest.FindOtherAsync(part, ct) is { } other && !await IsBesidesThePointAsync(file, ct))
        {
            PartialFile.Discard(part);
            throw new ResourceException(
                ResourceFault.Mismatch, $"{ResourceHttp.Shown(file.Address)} has the digest {other}, not the {digest.Hex} it should have; nothing of it was kept.");
        }
    }

    // The ETag of an encrypted object is no digest of its content.
    private async Task<bool> IsBesidesThePointAsync(RemoteFile file, CancellationToken ct)
    {
        if (file.Digest is not { Kind: DigestKind.Md5 })
        {
            return false;
        }

        using var response = await http.AgainAsync(() => http.SendAsync(new RemoteRequest(file.Address) { From = 0, To = 0, Authorise = file.Authorise }, ct), ct);
        return response.Headers.Contains("x-amz-server-side-encryption-customer-algorithm")
            || (response.Headers.TryGetValues("x-amz-server-side-encryption", out var ways) && ways.Any(way => way.StartsWith("aws:", StringComparison.Ordinal)));
    }

    private async Task FetchPiecesAsync(RemoteFile file, string part, SemaphoreSlim lanes, TransferMeter meter, CancellationToken ct)
    {
        using var partial = PartialFile.Open(part, file.Version, file.Size!.Value, http.Pace.PieceBytes);
        meter.Found(partial.Had);
        var pieces = Enumerable.Range(0, partial.Pieces).Where(index => partial.Piece(index) is var (from, end, had) && had < end - from);
        await Parallel.ForEachAsync(
            pieces,
            new ParallelOptions { MaxDegreeOfParallelism = http.Pace.Lanes, CancellationToken = ct },
            async (piece, token) => await FetchPieceAsync(file, partial, piece, lanes, meter, token));
    }

    private async Task FetchPieceAsync(RemoteFile file, PartialFile partial, int piece, SemaphoreSlim lanes, TransferMeter meter, CancellationToken ct)
    {
        for (var patience = new Patience(http.Pace, http.Time); ;)
        {
            var before = partial.Piece(piece).Had;
            try
            {
                await lanes.WaitAsync(ct);
                try
                {
                    await FetchRestAsync(file, partial, piece, meter, ct);
                    return;
                }
                finally
                {
                    lanes.Release();
                }
            }
            catch (ResourceException cut) when (cut.IsTransient)
            {
                if (partial.Piece(piece).Had > before)
                {
                    patience.Renew();
                }

                await patience.WaitAsync(cut, ct);
            }
        }
    }

    private async Task FetchRestAsync(RemoteFile file, PartialFile partial, int piece, TransferMeter meter, CancellationToken ct)
    {
        var (start, end, had) = partial.Piece(piece);
        var from = start + had;
        using var response = await http.SendAsync(new RemoteRequest(file.Address) { From = from, To = end - 1, Authorise = file.Authorise }, ct);
        if (response.StatusCode != HttpStatusCode.PartialContent
            || response.Content.Headers.ContentRange is not { From: { } first } range
            || first != from
            || (range.Length is { } length && length != file.Size)
            || IsOther(file, response))
        {
            throw new ResourceException(ResourceFault.Changed, $"{ResourceHttp.Shown(file.Address)} became another file while it was fetched.");
        }

        await using var body = await http.OpenAsync(response, file.Address, ct);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (var left = end - from; left > 0;)
            {
                var read = await FillAsync(body, buffer.AsMemory(0, (int)Math.Min(BufferBytes, left)), ct);
                if (read == 0)
                {
                    throw new ResourceException(ResourceFault.Unavailable, $"{ResourceHttp.Shown(file.Address)} sent fewer bytes than it said.");
                }

                partial.Append(piece, buffer.AsSpan(0, read));
                meter.Arrived(read);
                left -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task FetchWholeAsync(RemoteFile file, string part, SemaphoreSlim lanes, TransferMeter meter, CancellationToken ct)
    {
        for (var patience = new Patience(http.Pace, http.Time); ;)
        {
            var arrived = 0L;
            try
            {
                await lanes.WaitAsync(ct);
                try
                {
                    await FetchAtOnceAsync(file, part, bytes => arrived += Counted(meter, bytes), ct);
                    return;
                }
                finally
                {
                    lanes.Release();
                }
            }
            catch (ResourceException cut) when (cut.IsTransient)
            {
                meter.Arrived(-arrived);
                await patience.WaitAsync(cut, ct);
            }
        }
    }

    private async Task FetchAtOnceAsync(RemoteFile file, string part, Action<int> arrived, CancellationToken ct)
    {
        using var response = await http.SendAsync(new RemoteRequest(file.Address) { Authorise = file.Authorise }, ct);
        if (IsOther(file, response))
        {
            throw new ResourceException(ResourceFault.Changed, $"{ResourceHttp.Shown(file.Address)} became another file while it was fetched.");
        }

        await using var body = await http.OpenAsync(response, file.Address, ct);
        using var data = File.OpenHandle(part, FileMode.Create, FileAccess.Write);
        var most = file.Size ?? mostBytes();
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            var at = 0L;
            for (int read; (read = await FillAsync(body, buffer.AsMemory(0, BufferBytes), ct)) > 0; at += read)
            {
                if (at + read > most)
                {
                    throw file.Size is null
                        ? new ResourceException(ResourceFault.TooMuch, $"{ResourceHttp.Shown(file.Address)} sends more than the {most} bytes that this host keeps.")
                        : new ResourceException(ResourceFault.Mismatch, $"{ResourceHttp.Shown(file.Address)} sends more than the {most} bytes it should have.");
                }

                RandomAccess.Write(data, buffer.AsSpan(0, read), at);
                arrived(read);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static int Counted(TransferMeter meter, int bytes)
    {
        meter.Arrived(bytes);
        return bytes;
    }

    // Fewer, larger writes: a connection gives little at a time.
    private static async ValueTask<int> FillAsync(AttentiveStream body, Memory<byte> buffer, CancellationToken ct)
    {
        var filled = 0;
        try
        {
            while (filled < Math.Min(WriteBytes, buffer.Length) && await body.ReadAsync(buffer[filled..], ct) is > 0 and var read)
            {
                filled += read;
            }
        }
        catch (Exception end) when (filled > 0 && end is (ResourceException or OperationCanceledException))
        {
            // What came is kept; the next read meets the same end.
        }

        return filled;
    }

    private static bool IsOther(RemoteFile file, HttpResponseMessage response) =>
        file.ETag is { } tag && response.Headers.ETag is { } found && found.ToString() != tag;
}
