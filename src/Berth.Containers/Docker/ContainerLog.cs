using System.Globalization;
using System.Runtime.CompilerServices;
using Berth.Containers.Logs;
using Berth.Jobs.Results;

namespace Berth.Containers.Docker;

/// <summary>
/// One reading of a container's log. Neither engine's way to follow a log can be trusted near the end of a container: Docker may leave out the last
/// lines, so the end of the log is read once more and what was given already is left out; Podman leaves out lines in between,
/// so its log is read again and again instead.
/// </summary>
internal sealed class ContainerLog(
    EngineConnection connection, string name, DateTimeOffset? since, int maxLine, bool isPodman, Func<CancellationToken, Task<ContainerStatus?>> inspect)
{
    private const int FewLines = 1000;
    private const int EndingTries = 50;
    private const int RestPerRead = 10;

    private static readonly string[] WholeLog = ["all"];
    private static readonly string[] EverLargerEnds = ["256", "16384", "all"];
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortestRest = TimeSpan.FromMilliseconds(100);

    private readonly string _attempt = $"Could not read the log of container {name}";
    private readonly LogCursor _cursor = new(isOneOrder: isPodman);

    public IAsyncEnumerable<IReadOnlyList<LogLine>> ReadAsync(bool follow, CancellationToken ct) => (follow, isPodman) switch
    {
        (false, _) => ReadEndAsync(WholeLog, ct),
        (true, false) => FollowAsync(ct),
        (true, true) => PollAsync(ct),
    };

    private async IAsyncEnumerable<IReadOnlyList<LogLine>> FollowAsync([EnumeratorCancellation] CancellationToken ct)
    {
        do
        {
            using var response = await OpenAsync("all", follow: true, ct);
            using var reader = new LogFrameReader(await response.Content.ReadAsStreamAsync(ct), maxLine, isWhole: false);
            _cursor.Rewind();
            while (await ReadBatchAsync(reader, ct) is { } batch)
            {
                if (_cursor.Take(batch) is { Count: > 0 } fresh)
                {
                    yield return fresh;
                }
            }
        }
        while (!await HasEndedAsync(ct));

        await foreach (var batch in ReadEndAsync(_cursor.Given < FewLines ? WholeLog : EverLargerEnds, ct))
        {
            yield return batch;
        }
    }

    /// <summary>
    /// Podman gives the beginning of a line that is still being written as a line; so the last one is held back until it has stayed the same for a while.
    /// </summary>
    private async IAsyncEnumerable<IReadOnlyList<LogLine>> PollAsync([EnumeratorCancellation] CancellationToken ct)
    {
        (DateTimeOffset At, long Length)? unsettled = null;
        var unsettledSince = connection.Time.GetTimestamp();
        for (var hasEnded = false; !hasEnded;)
        {
            hasEnded = await inspect(ct) is not { IsRunning: true };
            var begun = connection.Time.GetTimestamp();
            LogLine? last = null;
            using (var response = await OpenAsync("all", follow: false, ct))
            {
                using var reader = new LogFrameReader(await response.Content.ReadAsStreamAsync(ct), maxLine, isWhole: true);
                _cursor.Rewind();
                while (await ReadBatchAsync(reader, ct) is { } batch)
                {
                    if (last is { } held)
                    {
                        batch.Insert(0, held);
                    }

                    last = batch[^1] with { Text = batch[^1].Text.ToArray() };
                    batch.RemoveAt(batch.Count - 1);
                    if (_cursor.Take(batch) is { Count: > 0 } fresh)
                    {
                        yield return fresh;
                    }
                }
            }

            var end = last is { } line ? (line.At, line.Text.Length + line.LeftOut) : default;
            if (end != unsettled)
            {
                (unsettled, unsettledSince) = (end, connection.Time.GetTimestamp());
            }

            if (last is { } settled && (hasEnded || connection.Time.GetElapsedTime(unsettledSince) >= Settled) && _cursor.IsNew(settled))
            {
                yield return [settled];
            }

            if (!hasEnded)
            {
                var rest = connection.Time.GetElapsedTime(begun) * RestPerRead;
                await Task.Delay(rest < ShortestRest ? ShortestRest : rest, connection.Time, ct);
            }
        }
    }

    /// <summary>What the end of the log has that was not given: the smallest of the ends that begins with a line given before.</summary>
    private async IAsyncEnumerable<IReadOnlyList<LogLine>> ReadEndAsync(string[] ends, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var end in ends)
        {
            using var response = await OpenAsync(end, follow: false, ct);
            using var reader = new LogFrameReader(await response.Content.ReadAsStreamAsync(ct), maxLine, isWhole: true);
            _cursor.Rewind();
            var batch = await ReadBatchAsync(reader, ct);
            if (end != "all" && (batch is null || !_cursor.IsBefore(batch[0])))
            {
                continue;
            }

            for (; batch is not null; batch = await ReadBatchAsync(reader, ct))
            {
                if (_cursor.Take(batch) is { Count: > 0 } fresh)
                {
                    yield return fresh;
                }
            }

            yield break;
        }
    }

    private Task<HttpResponseMessage> OpenAsync(string end, bool follow, CancellationToken ct)
    {
        var path = $"containers/{Uri.EscapeDataString(name)}/logs?stdout=1&stderr=1&timestamps=1&tail={end}{(follow ? "&follow=1" : "")}";
        if ((end == "all" ? _cursor.Since ?? since : since) is { } at)
        {
            var ticks = at.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
            path += string.Create(CultureInfo.InvariantCulture, $"&since={ticks / TimeSpan.TicksPerSecond}.{ticks % TimeSpan.TicksPerSecond:D7}00");
        }

        return connection.OpenLogAsync(_attempt, new HttpRequestMessage(HttpMethod.Get, path), ct);
    }

    private async Task<List<LogLine>?> ReadBatchAsync(LogFrameReader reader, CancellationToken ct)
    {
        try
        {
            return await connection.ReadAsync(_attempt, reader.ReadAsync, ct);
        }
        catch (InvalidDataException broken)
        {
            throw new EngineException(EngineFault.Failed, $"{_attempt}: {broken.Message}.", broken);
        }
    }

    /// <summary>An engine that shuts down in good order ends the log of a container that goes on; then the next call fails or the log can be followed again.</summary>
    private async Task<bool> HasEndedAsync(CancellationToken ct)
    {
        for (var left = EndingTries; left > 0; left--)
        {
            if (await inspect(ct) is not { IsRunning: true })
            {
                return true;
            }

            await connection.PauseAsync(ct);
        }

        return false;
    }
}
