using Berth.Jobs.Definitions;

namespace Berth.Cli;

/// <summary>The text of a definition and how it is to be read; or the sentence that says why it cannot be had, with its exit code.</summary>
internal sealed record DefinitionText(string Name, ReadOnlyMemory<byte> Bytes, DocumentFormat Format)
{
    public string? Fault { get; init; }

    public ExitCode FaultCode { get; init; } = ExitCode.WrongUse;
}

/// <summary>Fetches a definition from where a person points: a file, an address, or <c>-</c> for standard input.</summary>
internal static class DefinitionSource
{
    // One byte more than a definition may have, to see that there is more.
    private const int Most = (1 << 20) + 1;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task<DefinitionText> FetchAsync(string source, TimeProvider time, CancellationToken ct)
    {
        try
        {
            if (source.Length == 0)
            {
                return Failed("An empty name", "points at no job definition", ExitCode.WrongUse);
            }

            if (source == "-")
            {
                return await ReadAsync("standard input", Console.OpenStandardInput(), ct);
            }

            if (source.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || source.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
            {
                return await DownloadAsync(source, time, ct);
            }

            return Directory.Exists(source)
                ? Failed(source, "is a folder, not a job definition", ExitCode.WrongUse)
                : await ReadAsync(source, File.OpenRead(source), ct);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return Failed(source, "does not exist", ExitCode.WrongUse);
        }
        catch (Exception unreadable) when (unreadable is UnauthorizedAccessException or IOException or ArgumentException)
        {
            return Failed(source, $"cannot be read: {unreadable.Message}", ExitCode.WrongUse);
        }
    }

    private static async Task<DefinitionText> DownloadAsync(string address, TimeProvider time, CancellationToken ct)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out _))
        {
            return Failed(address, "is no address of a web server", ExitCode.WrongUse);
        }

        using var late = new CancellationTokenSource(Patience, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        using var http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        try
        {
            using var answer = await http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            return answer.IsSuccessStatusCode
                ? await ReadAsync(address, await answer.Content.ReadAsStreamAsync(limit.Token), limit.Token)
                : Failed(address, $"answered {(int)answer.StatusCode} {answer.ReasonPhrase}", ExitCode.WrongUse);
        }
        catch (HttpRequestException fault)
        {
            return Failed(address, $"cannot be reached: {fault.Message}", ExitCode.Unreachable);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return Failed(address, $"did not answer within {Patience.TotalSeconds:0} s", ExitCode.Unreachable);
        }
    }

    private static async Task<DefinitionText> ReadAsync(string name, Stream stream, CancellationToken ct)
    {
        await using var owned = stream;
        var bytes = new byte[64 * 1024];
        var length = 0;
        for (int read; length < Most && (read = await stream.ReadAsync(bytes.AsMemory(length, Math.Min(bytes.Length, Most) - length), ct)) > 0;)
        {
            length += read;
            if (length == bytes.Length)
            {
                Array.Resize(ref bytes, bytes.Length * 2);
            }
        }

        return length == Most
            ? Failed(name, "is larger than 1 MiB, the most a job definition may have", ExitCode.WrongUse)
            : new DefinitionText(name, bytes.AsMemory(0, length), FormatOf(name, bytes.AsSpan(0, length)));
    }

    private static DocumentFormat FormatOf(string name, ReadOnlySpan<byte> bytes) => Path.GetExtension(name).ToUpperInvariant() switch
    {
        ".JSON" or ".JSONC" => DocumentFormat.Json,
        ".YAML" or ".YML" => DocumentFormat.Yaml,
        _ => bytes.TrimStart(" \t\r\n\uFEFF"u8) is [(byte)'{' or (byte)'/' or (byte)'[', ..] or [] ? DocumentFormat.Json : DocumentFormat.Yaml,
    };

    private static DefinitionText Failed(string name, string why, ExitCode code) =>
        new(name, default, DocumentFormat.Json) { Fault = $"{name} {why}.", FaultCode = code };
}
