using Berth.Containers.Docker;
using Xunit;

namespace Berth.Tests.Containers;

public sealed class ImageNameTests
{
    [Theory]
    [InlineData("ubuntu", "ubuntu", "latest", null)]
    [InlineData("ubuntu:22.04", "ubuntu", "22.04", null)]
    [InlineData("acme/model", "acme/model", "latest", null)]
    [InlineData("ghcr.io/acme/model:1", "ghcr.io/acme/model", "1", "ghcr.io")]
    [InlineData("localhost:5000/x", "localhost:5000/x", "latest", "localhost:5000")]
    [InlineData("localhost/x:1", "localhost/x", "1", "localhost")]
    [InlineData("acme/model@sha256:ab", "acme/model", "sha256:ab", null)]
    [InlineData("acme/model:1@sha256:ab", "acme/model", "sha256:ab", null)]
    public void A_reference_has_a_repository_a_tag_or_digest_and_perhaps_a_registry(string reference, string repository, string tag, string? registry)
    {
        var name = ImageName.Parse(reference);

        Assert.Equal((repository, tag, registry), (name.Repository, name.Tag, name.Registry));
    }

    [Fact]
    public void A_name_without_a_registry_is_looked_for_under_the_usual_prefixes()
    {
        Assert.Equal(
            ["ubuntu:latest", "docker.io/ubuntu:latest", "docker.io/library/ubuntu:latest", "registry.hub.docker.com/ubuntu:latest", "registry.hub.docker.com/library/ubuntu:latest", "localhost/ubuntu:latest"],
            ImageName.Parse("ubuntu").Variants);
        Assert.Equal(["ghcr.io/acme/model@sha256:ab"], ImageName.Parse("ghcr.io/acme/model@sha256:ab").Variants);
    }
}
