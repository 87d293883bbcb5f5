using Berth.Containers;

namespace Berth.EngineTests;

/// <summary>The real engines of the tests. Podman is started by the house's own script unless <c>BERTH_TEST_PODMAN</c> names its socket.</summary>
internal static class Engines
{
    private static readonly Lazy<Task<EngineAddress>> Podman = new(StartPodmanAsync);

    public static EngineAddress Docker { get; } = EngineAddress.Find(Environment.GetEnvironmentVariable);

    public static Task<EngineAddress> PodmanAsync(CancellationToken ct) => Podman.Value.WaitAsync(ct);

    private static async Task<EngineAddress> StartPodmanAsync()
    {
        var address = Environment.GetEnvironmentVariable("BERTH_TEST_PODMAN") is { Length: > 0 } socket
            ? EngineAddress.Parse(socket)
            : EngineAddress.Parse((await Lab.RunAsync("lab/podman", ["up", Lab.Folder("podman")]))["engine"]);
        await Lab.RunAsync("images", ["busybox"], new Dictionary<string, string> { ["DOCKER_HOST"] = address.Uri.ToString() });
        return address;
    }
}
