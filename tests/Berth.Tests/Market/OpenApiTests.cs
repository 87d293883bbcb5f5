using Berth.Testing.Network;
using Berth.Tests.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Market;

public sealed class OpenApiTests
{
    /// <summary>Every route with what it takes and answers; <c>BERTH_ACCEPT=1</c> writes it anew.</summary>
    [Fact]
    public async Task The_description_of_the_API_is_as_it_was_agreed()
    {
        await using var network = await TestNetwork.StartAsync();
        var path = Path.Combine(RepositoryFiles.Root, "tests", "Berth.Tests", "Market", "openapi.json");

        var described = await network.Http().GetStringAsync("openapi/v1.json");

        if (Environment.GetEnvironmentVariable("BERTH_ACCEPT") == "1")
        {
            await File.WriteAllTextAsync(path, described + "\n");
        }

        Assert.Equal(await File.ReadAllTextAsync(path), described + "\n");
    }
}
