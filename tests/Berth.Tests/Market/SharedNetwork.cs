using Berth.Testing.Network;
using Xunit;

namespace Berth.Tests.Market;

/// <summary>One network for tests that leave nothing in it.</summary>
public sealed class SharedNetwork : IAsyncLifetime
{
    public TestNetwork Network { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Network = await TestNetwork.StartAsync();

    public ValueTask DisposeAsync() => Network.DisposeAsync();
}
