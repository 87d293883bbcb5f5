using System.Text.Json;

namespace Berth.Containers.Docker;

/// <summary>What an engine answers when it refuses or fails, turned into the fault that decides what happens next.</summary>
internal static class EngineAnswer
{
    private static readonly string[] DiskWords = ["no space left on device", "disk quota exceeded"];

    private static readonly string[] DeniedWords =
        ["unauthorized", "no basic auth credentials", "denied", "authentication required", "403 forbidden", "incorrect username or password", "invalid username/password"];

    private static readonly string[] MissingImageWords =
        ["manifest unknown", "not found", "name unknown", "no such image", "repository name not known", "image not known", "no matching manifest", "404"];

    private static readonly string[] RegistryWords =
    [
        "connection refused", "connection reset", "no such host", "server misbehaving", "timeout", "timed out", "deadline exceeded", "tls", "x509",
        "toomanyrequests", "too many requests", "429", "500", "502", "503", "504", "eof", "unreachable", "no route to host", "name resolution",
        "http response to https client", "unexpected http status", "dial tcp", "pinging container registry",
    ];

    private static readonly string[] GpuWords =
        ["could not select device driver", "nvidia", "nvml", "cdi device", "unresolvable", "error running hook", "error running prestart hook", "gpu"];

    private static readonly string[] ProgramWords =
    [
        "exec:", "exec format error", "executable file", "is a directory", "permission denied", "no such file or directory", "chdir to cwd", "not a directory",
        "not found in $path",
    ];

    private static readonly string[] DeadDaemonWords = ["error while dialing", "containerd.sock"];

    /// <summary>The engine's own words out of the body of an answer.</summary>
    public static string MessageOf(string body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("message", out var message) && message.GetString() is { Length: > 0 } text)
            {
                return text.Trim();
            }
        }
        catch (JsonException)
        {
            return body.Trim();
        }

        return body.Trim();
    }

    public static EngineException General(string attempt, int status, string message)
    {
        if (Says(message, "fully subnetted") || Says(message, "non-overlapping IPv4 address pool"))
        {
            return Sentence(EngineFault.Failed, attempt, status, "the engine has no free address range left for networks; `berth prune` removes leftovers of Berth's");
        }

        return Sentence(Shared(message) ?? OfStatus(status), attempt, status, message);
    }

    public static EngineException OfCreate(string attempt, int status, string message) => Sentence(
        Shared(message) ?? (status == 404 && SaysAny(message, MissingImageWords) ? EngineFault.ImageNotFound : OfStatus(status)), attempt, status, message);

    public static EngineException OfStart(string attempt, int status, string message)
    {
        var fault = Shared(message) switch
        {
            { } shared => shared,
            _ when SaysAny(message, GpuWords) => EngineFault.GpuUnavailable,
            _ when SaysAny(message, ProgramWords) => EngineFault.CannotStart,
            _ => OfStatus(status),
        };
        return Sentence(fault, attempt, status, message);
    }

    /// <summary>
    /// Engines answer 404 or 500 before the pull's stream begins and 200 with an error inside it after, so the words decide. The reference itself is
    /// taken out of them first: an image may be called <c>denied</c>.
    /// </summary>
    public static EngineException OfPull(string attempt, string reference, int status, string message)
    {
        var words = ImageName.Parse(reference).TakenOutOf(message);
        if (Says(words, "repository does not exist or may require"))
        {
            return Sentence(EngineFault.ImageNotFound, attempt, status, "the registry has no such image, or it is private and needs a login");
        }

        var fault = Shared(words) switch
        {
            { } shared => shared,
            _ when Says(words, "toomanyrequests") => EngineFault.RegistryUnavailable,
            _ when Says(words, "invalid reference format") => EngineFault.Refused,
            _ when SaysAny(words, DeniedWords) => EngineFault.ImageDenied,
            _ when SaysAny(words, RegistryWords) => EngineFault.RegistryUnavailable,
            _ when status == 404 || SaysAny(words, MissingImageWords) => EngineFault.ImageNotFound,
            _ => OfStatus(status),
        };
        return Sentence(fault, attempt, status, message);
    }

    private static EngineException Sentence(EngineFault fault, string attempt, int status, string reason)
    {
        var oneLine = string.Join(' ', reason.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return new(fault, $"{attempt}: {(oneLine.Length == 0 ? $"the engine answered {status} without a word" : oneLine.TrimEnd('.'))}.") { StatusCode = status };
    }

    private static EngineFault? Shared(string message) =>
        SaysAny(message, DiskWords) ? EngineFault.DiskFull
        : SaysAny(message, DeadDaemonWords) ? EngineFault.Unreachable
        : null;

    private static EngineFault OfStatus(int status) => status switch
    {
        404 => EngineFault.NotFound,
        400 or 403 or 409 => EngineFault.Refused,
        _ => EngineFault.Failed,
    };

    private static bool SaysAny(string message, string[] words) => Array.Exists(words, word => Says(message, word));

    private static bool Says(string message, string words) => message.Contains(words, StringComparison.OrdinalIgnoreCase);
}
