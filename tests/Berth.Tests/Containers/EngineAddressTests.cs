using Berth.Containers;
using Xunit;

namespace Berth.Tests.Containers;

public sealed class EngineAddressTests
{
    [Theory]
    [InlineData("/var/run/docker.sock", "/var/run/docker.sock", "/var/run/docker.sock")]
    [InlineData("unix:///run/podman/podman.sock", "/run/podman/podman.sock", "/run/podman/podman.sock")]
    [InlineData("tcp://10.0.0.7:2376", null, "10.0.0.7:2376")]
    [InlineData("tcp://engine.example", null, "engine.example:2375")]
    [InlineData("http://10.0.0.7:2376", null, "10.0.0.7:2376")]
    public void Sockets_and_tcp_ports_are_addresses(string text, string? socket, string shown)
    {
        var address = EngineAddress.Parse(text);

        Assert.Equal(socket, address.SocketPath);
        Assert.Equal(shown, address.ToString());
    }

    [Theory]
    [InlineData("ssh://host")]
    [InlineData("npipe:////./pipe/docker_engine")]
    [InlineData("docker.sock")]
    [InlineData("unix://")]
    [InlineData("")]
    public void Anything_else_is_refused_with_what_would_do(string text)
    {
        var fault = Assert.Throws<EngineException>(() => EngineAddress.Parse(text));

        Assert.Equal(EngineFault.Refused, fault.Fault);
        Assert.Contains("tcp://host:port", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tcp://10.0.0.7:1", "/run/user/7", "/var/run/docker.sock", "10.0.0.7:1")]
    [InlineData(null, "/run/user/7", "/var/run/docker.sock /run/user/7/docker.sock", "/var/run/docker.sock")]
    [InlineData("", "/run/user/7", "/run/user/7/docker.sock /run/podman/podman.sock", "/run/user/7/docker.sock")]
    [InlineData(null, "/run/user/7", "/run/podman/podman.sock /run/user/7/podman/podman.sock", "/run/podman/podman.sock")]
    [InlineData(null, "/run/user/7", "/run/user/7/podman/podman.sock", "/run/user/7/podman/podman.sock")]
    [InlineData(null, null, "/run/podman/podman.sock", "/run/podman/podman.sock")]
    [InlineData(null, null, "", "/var/run/docker.sock")]
    public void The_environment_comes_first_then_the_usual_sockets(string? dockerHost, string? runtime, string present, string found)
    {
        var address = EngineAddress.Find(
            name => name switch { "DOCKER_HOST" => dockerHost, "XDG_RUNTIME_DIR" => runtime, _ => null },
            path => present.Split(' ').Contains(path));

        Assert.Equal(found, address.ToString());
    }
}
