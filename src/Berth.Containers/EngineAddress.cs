namespace Berth.Containers;

/// <summary>Where a container engine listens: a unix socket of this machine, or a TCP port of any.</summary>
public sealed record EngineAddress
{
    private const string DockerSocket = "/var/run/docker.sock";
    private const string PodmanSocket = "/run/podman/podman.sock";

    private EngineAddress(Uri uri) => Uri = uri;

    public Uri Uri { get; }

    /// <summary>The socket's path, or null for TCP.</summary>
    public string? SocketPath => Uri.Scheme == "unix" ? Uri.LocalPath : null;

    /// <summary>Takes a socket's path, <c>unix://path</c> or <c>tcp://host:port</c>; anything else is an <see cref="EngineException"/>.</summary>
    public static EngineAddress Parse(string text)
    {
        if (text.StartsWith('/'))
        {
            return new(new Uri("unix://" + text));
        }

        if (Uri.TryCreate(text, UriKind.Absolute, out var uri))
        {
            if (uri is { Scheme: "unix", LocalPath.Length: > 1 } && uri.Host.Length == 0)
            {
                return new(uri);
            }

            if (uri.Scheme is "tcp" or "http" && uri.Host.Length > 0)
            {
                return new(new UriBuilder("tcp", uri.Host, uri is { Scheme: "tcp", Port: > 0 } or { Scheme: "http", IsDefaultPort: false } ? uri.Port : 2375).Uri);
            }
        }

        throw new EngineException(
            EngineFault.Refused,
            $"'{text}' is no address of a container engine: Berth takes unix:///path/to.sock, the socket's path, or tcp://host:port.");
    }

    /// <summary>
    /// The engine the environment names (<c>DOCKER_HOST</c>), else the first usual socket that is there: Docker's, rootless Docker's, Podman's,
    /// rootless Podman's. When there is none it is Docker's, so that the first call can say what is missing.
    /// </summary>
    public static EngineAddress Find(Func<string, string?> environment) => Find(environment, File.Exists);

    internal static EngineAddress Find(Func<string, string?> environment, Func<string, bool> exists)
    {
        if (environment("DOCKER_HOST") is { Length: > 0 } host)
        {
            return Parse(host);
        }

        var runtime = environment("XDG_RUNTIME_DIR");
        string[] usual = string.IsNullOrEmpty(runtime)
            ? [DockerSocket, PodmanSocket]
            : [DockerSocket, Path.Combine(runtime, "docker.sock"), PodmanSocket, Path.Combine(runtime, "podman/podman.sock")];
        return Parse(usual.FirstOrDefault(exists) ?? DockerSocket);
    }

    public override string ToString() => SocketPath ?? $"{Uri.Host}:{Uri.Port}";
}
