using Berth.Containers;
using Berth.Containers.Docker;
using Xunit;

namespace Berth.Tests.Containers;

/// <summary>The messages are what engines say: Docker 20.10 to 28, Podman 4.</summary>
public sealed class EngineAnswerTests
{
    [Theory]
    [InlineData(404, "manifest for acme/model:1 not found: manifest unknown: manifest unknown", EngineFault.ImageNotFound)]
    [InlineData(500, "manifest for 10.0.0.1:5061/acme/model:1 not found: manifest unknown: manifest unknown", EngineFault.ImageNotFound)]
    [InlineData(404, "pull access denied for acme/model, repository does not exist or may require 'docker login': denied: requested access to the resource is denied", EngineFault.ImageNotFound)]
    [InlineData(404, "failed to resolve reference \"docker.io/acme/model:1\": docker.io/acme/model:1: not found", EngineFault.ImageNotFound)]
    [InlineData(500, "Get \"http://10.0.0.1:5062/v2/acme/model/manifests/1\": unauthorized: authentication required", EngineFault.ImageDenied)]
    [InlineData(500, "Get http://10.0.0.1:5062/v2/acme/model/manifests/1: no basic auth credentials", EngineFault.ImageDenied)]
    [InlineData(500, "error parsing HTTP 403 response body: denied: permission_denied: read_package", EngineFault.ImageDenied)]
    [InlineData(500, "Get \"http://10.0.0.1:5061/v2/\": dial tcp 10.0.0.1:5061: connect: connection refused", EngineFault.RegistryUnavailable)]
    [InlineData(500, "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host", EngineFault.RegistryUnavailable)]
    [InlineData(500, "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: server misbehaving", EngineFault.RegistryUnavailable)]
    [InlineData(500, "Get \"https://ghcr.io/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)", EngineFault.RegistryUnavailable)]
    [InlineData(500, "Get \"https://10.0.0.1:5063/v2/\": x509: certificate signed by unknown authority", EngineFault.RegistryUnavailable)]
    [InlineData(500, "toomanyrequests: You have reached your pull rate limit as unauthenticated: authentication required for more", EngineFault.RegistryUnavailable)]
    [InlineData(500, "received unexpected HTTP status: 503 Service Unavailable", EngineFault.RegistryUnavailable)]
    [InlineData(200, "write /var/lib/docker/tmp/GetImageBlob1: no space left on device", EngineFault.DiskFull)]
    [InlineData(200, "failed to register layer: Error processing tar file(exit status 1): write /x: no space left on device", EngineFault.DiskFull)]
    [InlineData(400, "invalid reference format", EngineFault.Refused)]
    [InlineData(500, "something else", EngineFault.Failed)]
    public void A_failed_pull_is_what_its_words_say(int status, string message, EngineFault fault)
    {
        var exception = EngineAnswer.OfPull("Could not pull image acme/model:1", "acme/model:1", status, message);

        Assert.Equal(fault, exception.Fault);
        Assert.StartsWith("Could not pull image acme/model:1: ", exception.Message, StringComparison.Ordinal);
        Assert.EndsWith(".", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_may_have_a_name_that_sounds_like_a_fault()
    {
        var exception = EngineAnswer.OfPull("Could not pull", "denied/timeout:500", 404, "manifest for denied/timeout:500 not found: manifest unknown");

        Assert.Equal(EngineFault.ImageNotFound, exception.Fault);
    }

    [Fact]
    public void An_image_that_is_missing_or_private_says_both()
    {
        var exception = EngineAnswer.OfPull("Could not pull", "acme/x", 404, "pull access denied for acme/x, repository does not exist or may require 'docker login'");

        Assert.Contains("no such image", exception.Message, StringComparison.Ordinal);
        Assert.Contains("private", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"no-such\": executable file not found in $PATH: unknown", EngineFault.CannotStart)]
    [InlineData("failed to create task for container: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/x\": permission denied: unknown", EngineFault.CannotStart)]
    [InlineData("OCI runtime create failed: exec: \"/x\": stat /x: no such file or directory: unknown", EngineFault.CannotStart)]
    [InlineData("OCI runtime create failed: standard_init_linux.go:228: exec user process caused: exec format error: unknown", EngineFault.CannotStart)]
    [InlineData("could not select device driver \"\" with capabilities: [[gpu]]", EngineFault.GpuUnavailable)]
    [InlineData("error running hook #0: error running hook: exit status 1, stderr: nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown", EngineFault.GpuUnavailable)]
    [InlineData("CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=7", EngineFault.GpuUnavailable)]
    [InlineData("mkdir /var/lib/docker/overlay2/x: no space left on device", EngineFault.DiskFull)]
    [InlineData("transport: Error while dialing dial unix /run/containerd/containerd.sock: connect: connection refused", EngineFault.Unreachable)]
    [InlineData("something else", EngineFault.Failed)]
    public void A_failed_start_is_what_its_words_say(string message, EngineFault fault)
    {
        Assert.Equal(fault, EngineAnswer.OfStart("Could not start container c", 500, message).Fault);
    }

    [Fact]
    public void A_full_address_pool_says_what_to_do()
    {
        var exception = EngineAnswer.General("Could not create network n", 500, "all predefined address pools have been fully subnetted");

        Assert.Contains("berth prune", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"message\":\"No such container: x\"}", "No such container: x")]
    [InlineData("{\"cause\":\"c\",\"message\":\"m\",\"response\":500}", "m")]
    [InlineData("page not found\n", "page not found")]
    [InlineData("[1]", "[1]")]
    public void The_message_is_taken_out_of_the_answer(string body, string message) => Assert.Equal(message, EngineAnswer.MessageOf(body));

    [Fact]
    public void A_message_of_many_lines_becomes_one_sentence()
    {
        Assert.Equal("Could not x: a b.", EngineAnswer.General("Could not x", 500, "a\r\n b.\n").Message);
        Assert.Equal("Could not x: the engine answered 502 without a word.", EngineAnswer.General("Could not x", 502, "").Message);
    }
}
