using System.Net;
using Berth.Node.Resources;
using Berth.Testing.Resources;
using Xunit;
using static Berth.Tests.Node.Resources.Store;

namespace Berth.Tests.Node.Resources;

/// <summary>A definition is a stranger's: nothing is fetched from what only this machine can reach, unless its host says so.</summary>
public sealed class ReachableAddressesTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.8.8.8")]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::1")]
    [InlineData("::")]
    [InlineData("fd00::1")]
    [InlineData("fe80::1")]
    [InlineData("ff02::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("2001:0:a:b::")]
    public void What_is_not_public_is_refused_and_can_be_allowed(string text)
    {
        var address = IPAddress.Parse(text);

        Assert.False(new ReachableAddresses([]).Allows(address));
        Assert.True(new ReachableAddresses([Network("0.0.0.0/0"), Network("::/0")]).Allows(address));
    }

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("172.32.0.1")]
    [InlineData("2606:4700::1111")]
    [InlineData("64:ff9b::101:101")]
    public void What_is_public_is_reached(string text) => Assert.True(new ReachableAddresses([]).Allows(IPAddress.Parse(text)));

    [Theory]
    [InlineData("http://127.0.0.1:PORT/a")]
    [InlineData("http://localhost:PORT/a")]
    [InlineData("http://2130706433:PORT/a")]
    [InlineData("http://0x7f.1:PORT/a")]
    [InlineData("http://[::ffff:127.0.0.1]:PORT/a")]
    public async Task Every_way_to_write_this_machine_is_refused(string address)
    {
        await using var store = new Store();
        store.Server.Serve("/a", "secret");
        store.Settings = store.Settings with { AllowedNetworks = [] };

        var fault = await store.FailsAsync(Http(new Uri(address.Replace("PORT", $"{store.Server.Address.Port}", StringComparison.Ordinal))));

        Assert.Equal(ResourceFault.Forbidden, fault.Fault);
        Assert.Contains("--allow-address", fault.Message, StringComparison.Ordinal);
        Assert.Empty(store.Server.Requests);
    }

    [Theory]
    [InlineData("http://169.254.169.254/latest/meta-data/")]
    [InlineData("http://10.0.0.1/")]
    [InlineData("http://127.9.9.9:PORT/inner")]
    [InlineData("file:///etc/passwd")]
    [InlineData("ftp://127.0.0.1/a")]
    public async Task A_redirect_is_judged_like_an_address_of_its_own(string location)
    {
        await using var store = new Store();
        store.Settings = store.Settings with { AllowedNetworks = [Network("127.0.0.1/32")] };
        var address = store.Server.Serve("/a", new ServedFile([]) { RedirectsTo = location.Replace("PORT", $"{store.Server.Address.Port}", StringComparison.Ordinal) });

        var fault = await store.FailsAsync(Http(address));

        Assert.Equal(ResourceFault.Forbidden, fault.Fault);
        Assert.Single(store.Server.Requests);
    }

    [Fact]
    public async Task A_redirect_that_leads_somewhere_is_followed_and_one_that_leads_nowhere_is_not_for_ever()
    {
        await using var store = new Store();
        store.Server.Serve("/there", "found");
        var round = store.Server.Serve("/round", new ServedFile([]) { RedirectsTo = "/round" });

        var found = await store.BringAsync(Http(store.Server.Serve("/a", new ServedFile([]) { RedirectsTo = "/there" })));
        var fault = await store.FailsAsync(Http(round));

        Assert.Equal("found"u8, Files(found)["a"]);
        Assert.Contains("redirects more than", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_secret_in_an_address_is_in_no_message()
    {
        await using var store = new Store();
        store.Server.Serve("/gone", new ServedFile([]) { Status = 404 });

        var fault = await store.FailsAsync(Http(new Uri($"http://user:pa55word@127.0.0.1:{store.Server.Address.Port}/gone?X-Amz-Signature=s1gned")));

        Assert.DoesNotContain("pa55word", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s1gned", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s1gned", ResourceName.Of(Http(new Uri("https://h/p?X=s1gned"))), StringComparison.Ordinal);
    }
}
