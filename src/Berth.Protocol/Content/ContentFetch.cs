using Berth.Jobs;
using Berth.Protocol.Identity;

namespace Berth.Protocol;

/// <summary>
/// Fetches a content of a job into a file and checks its id on the way. A line that breaks is taken up where it broke, also by a later process: what is in the file already is not
/// fetched again.
/// </summary>
public sealed class ContentFetch(MarketClient client, JobId job, ContentId content, TimeProvider time)
{
    private const int Block = 256 * 1024;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    /// <summary>How long nothing may come before it is given up.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Told with every block how many bytes are there.</summary>
    public Action<long> Progress { get; init; } = _ => { };

    /// <summary>Returns when the file has all of the content.</summary>
    /// <exception cref="MarketException">The server refuses, or nothing came for too long.</exception>
    /// <exception cref="InvalidDataException">What came is another content.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public async Task FetchAsync(string path, CancellationToken ct)
    {
        await using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.Asynchronous);
        var hadSome = file.Length > 0;
        if (await TryAsync(file, ct) || (hadSome && await TryAsync(Emptied(file), ct)))
        {
            await file.FlushAsync(ct);
            return;
        }

        file.SetLength(0);
        throw new InvalidDataException($"What the server sent is not the content {content}; nothing of it was kept.");
    }

    // A file from before may be damaged; then there is one more try without it.
    private static FileStream Emptied(FileStream file)
    {
        file.SetLength(0);
        file.Position = 0;
        return file;
    }

    private async Task<bool> TryAsync(FileStream file, CancellationToken ct)
    {
        using var hasher = new UnixFsHasher();
        var buffer = new byte[Block];
        for (int read; (read = await file.ReadAsync(buffer, ct)) > 0;)
        {
            hasher.Append(buffer.AsSpan(0, read));
        }

        var (pause, heard) = (FirstPause, time.GetTimestamp());
        while (true)
        {
            try
            {
                await using var download = await client.GetContentAsync(job, content, file.Position, ct);
                for (int read; (read = await download.ReadAsync(buffer, ct)) > 0;)
                {
                    hasher.Append(buffer.AsSpan(0, read));
                    await file.WriteAsync(buffer.AsMemory(0, read), ct);
                    Progress(file.Position);
                    (pause, heard) = (FirstPause, time.GetTimestamp());
                }

                return hasher.Finish() == content;
            }
            catch (MarketException whole) when (whole.Code == ProblemTypes.BadRange)
            {
                return hasher.Finish() == content;
            }
            catch (MarketException cut) when (cut.IsTransient && time.GetElapsedTime(heard) < Patience)
            {
                await Task.Delay(pause, time, ct);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
    }
}
